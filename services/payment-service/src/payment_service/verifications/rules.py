"""What a verification of a month says, and when it is asked for.

Source: docs/commissions.md, Verification.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from perisai_kit.domain.errors import Conflict, NotFound


class Verified(StrEnum):
    """differs: the verification found something, which is named.

    pending: there is none yet, or it found nothing but had to leave something out.
    """

    PENDING = "pending"
    AGREES = "agrees"
    DIFFERS = "differs"


class MonthNotVerified(NotFound):
    code = "month_not_verified"
    text = "This month is not verified yet. Verification runs after the month is closed."
    text_id = (
        "Bulan ini belum dihitung ulang. Penghitungan ulang berjalan setelah bulan ini ditutup."
    )


class MonthOpen(Conflict):
    code = "month_open"
    text = "This month is not closed yet. Only a closed month can be verified."
    text_id = "Bulan ini belum ditutup. Hanya bulan yang sudah ditutup yang dapat dihitung ulang."


class VerificationRequested(Conflict):
    code = "month_verification_requested"
    text = "This month is already waiting to be verified. See the result in a few minutes."
    text_id = "Bulan ini sudah menunggu dihitung ulang. Lihat hasilnya beberapa menit lagi."


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the second computation of a month found.

    allocation_count: allocations it computed. left_out_count: those whose commission is to be
    computed anew just now; their lines are not compared. booked_parts, computed_parts: of the
    lines, 1/10,000 rupiah. stated_amount, computed_amount: of the statements, rupiah.
    differences: the first of them, each with a name, where it is, and both figures.
    """

    is_closed: bool
    allocation_count: int
    left_out_count: int
    line_count: int
    booked_parts: int
    computed_parts: int
    statement_count: int
    stated_amount: int
    computed_amount: int
    transfer_count: int
    difference_count: int
    differences: list[Mapping[str, Any]]

    @property
    def verdict(self) -> Verified:
        return find_verdict(Counts(self.difference_count, self.left_out_count))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many differences a verification found, and how many allocations it left out."""

    differences: int
    left_out: int


def find_verdict(last: Counts | None) -> Verified:
    """Return what the last verification says; None: there is none."""
    if last is not None and last.differences:
        return Verified.DIFFERS
    return Verified.PENDING if last is None or last.left_out else Verified.AGREES
