"""What two schemes come to in the same months. Source: docs/money.md, Comparing a scheme."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from payment_service.commissions.rules import Booked, Line
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.rules import Balance, Due
from perisai_kit.domain.errors import Conflict, NotFound
from perisai_kit.domain.month import Month, count_months, list_months

MAX_MONTHS = 12
"""Months of one comparison; our own choice: a year shows every season once."""

MAX_UNFINISHED = 10
"""Comparisons that wait for the worker; it makes one after another."""

KEPT = timedelta(days=30)
"""How long a comparison can be read. Source: docs/retention.md."""


class ComparisonStatus(StrEnum):
    """comparing: payment by payment. adding_up: beneficiary by beneficiary."""

    COMPARING = "comparing"
    ADDING_UP = "adding_up"
    DONE = "done"


class ComparisonSort(StrEnum):
    """The order of beneficiaries. A leading `-` is descending; equal rows follow by id."""

    GAIN = "-difference"
    LOSS = "difference"


class ComparisonNotFound(NotFound):
    code = "scheme_comparison_not_found"
    text = "There is no such comparison. Comparisons are deleted after 30 days."
    text_id = "Perbandingan skema tidak ditemukan. Perbandingan dihapus setelah 30 hari."


class ComparisonUnfinished(Conflict):
    """`details`: `status`."""

    code = "scheme_comparison_unfinished"
    text = "This comparison is not finished yet. Try again in a few minutes."
    text_id = "Perbandingan ini belum selesai. Coba lagi beberapa menit kemudian."


class TooManyComparisons(Conflict):
    """`details`: `limit`."""

    code = "too_many_scheme_comparisons"
    text = "Too many comparisons are waiting. Try again when one of them is finished."
    text_id = "Terlalu banyak perbandingan menunggu. Coba lagi setelah salah satu selesai."


class MonthNotClosed(Conflict):
    """`details`: `closed_through`, the last closed month; null: there is none."""

    code = "month_not_closed"
    text = "Only closed months can be compared. Ask for earlier months, or fewer."
    text_id = (
        "Hanya bulan yang sudah ditutup yang dapat dibandingkan. Pilih bulan sebelumnya atau "
        "kurangi jumlah bulan."
    )


def check_closed(last: Month, *, closed_through: Month | None, closing: Month | None) -> None:
    """Refuse a month without all its statements. closing: one whose statements are being issued.

    Raises: MonthNotClosed.
    """
    complete = closed_through if closing is None else closing.plus(-1)
    if closed_through is None or complete is None or last > complete:
        raise MonthNotClosed(
            field="month_count", closed_through=str(complete) if closed_through else None
        )


def months_between(first: Month, last: Month) -> tuple[Month, ...]:
    """Return the months of a range, both inside."""
    return list_months(first, count_months(first, last) + 1)


@dataclass(frozen=True, slots=True)
class Parts:
    """What was booked, and what another scheme comes to, in parts."""

    actual: int = 0
    would_be: int = 0


Key: TypeAlias = tuple[UUID, BeneficiaryKind, Month]


def add_up(booked: Iterable[Booked], lines: Iterable[Line]) -> dict[Key, Parts]:
    """Add up what is booked and what lines of another scheme come to, where it is not nothing."""
    sums: dict[Key, Parts] = {}
    for each in booked:
        key = (each.beneficiary_id, each.beneficiary_kind, each.earned_month)
        known = sums.get(key, Parts())
        sums[key] = replace(known, actual=known.actual + each.parts)
    for line in lines:
        key = (line.beneficiary_id, line.beneficiary_kind, line.earned_month)
        known = sums.get(key, Parts())
        sums[key] = replace(known, would_be=known.would_be + line.parts)
    return {key: parts for key, parts in sums.items() if parts != Parts()}


@dataclass(frozen=True, slots=True)
class Amounts:
    """What was booked, and what another scheme comes to, in whole rupiah."""

    actual: int = 0
    would_be: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.actual + other.actual, self.would_be + other.would_be)

    @property
    def difference(self) -> int:
        """What the other scheme pays more; negative: less."""
        return self.would_be - self.actual


def compare(
    before: Balance, months: Sequence[Month], parts: Mapping[Month, Parts]
) -> dict[Month, Amounts]:
    """Return what statements of a beneficiary would amount to in each month, one after another.

    before: where the statements before the first month leave off; its rest is brought into both.
    """
    actual = would_be = before
    found = {}
    for month in months:
        earned = parts.get(month, Parts())
        dues = Due(actual, earned.actual), Due(would_be, earned.would_be)
        found[month] = Amounts(*(due.amount for due in dues))
        actual, would_be = (due.after for due in dues)
    return found


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What all beneficiaries get for a month."""

    month: Month
    agents: Amounts = Amounts()
    wadahs: Amounts = Amounts()

    def plus(self, kind: BeneficiaryKind, amounts: Amounts) -> "MonthFigures":
        """Return the figures with what one more beneficiary gets."""
        if kind is BeneficiaryKind.AGENT:
            return replace(self, agents=self.agents + amounts)
        return replace(self, wadahs=self.wadahs + amounts)

    def as_stored(self) -> dict[str, Any]:
        """Return the document that is stored."""
        by_kind = {"agents": self.agents, "wadahs": self.wadahs}
        amounts = {name: [each.actual, each.would_be] for name, each in by_kind.items()}
        return {"month": str(self.month), **amounts}

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any]) -> "MonthFigures":
        """Read the document that is stored."""
        agents, wadahs = (Amounts(*stored[name]) for name in ("agents", "wadahs"))
        return cls(Month.parse(stored["month"]), agents, wadahs)
