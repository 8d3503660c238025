"""When money in suspense may be used for a bill, and from which instant it counts then.

Source: docs/money.md, Orders, payments and allocations.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payment_service.bills.rules import Lifetime, find_payable_until
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.jakarta import jakarta_date, midnight


class ProposalStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class ProposalVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class SuspenseItemNotFound(NotFound):
    code = "suspense_item_not_found"
    text = "There is no such money in suspense, or it has been used."
    text_id = "Dana titipan ini tidak ditemukan, atau sudah digunakan."


class SuspenseProposalNotFound(NotFound):
    code = "suspense_proposal_not_found"
    text = "There is no such proposal for this money."
    text_id = "Usulan penggunaan dana ini tidak ditemukan."


class SuspenseProposalDecided(Conflict):
    code = "suspense_proposal_decided"
    text = "This proposal has been decided."
    text_id = "Usulan ini sudah diputuskan."


class SuspenseProposalOpen(Conflict):
    code = "suspense_proposal_open"
    text = "There is an open proposal for this money. It must be decided first."
    text_id = "Masih ada usulan penggunaan dana ini yang belum diputuskan."


class OwnSuspenseProposal(Forbidden):
    code = "own_suspense_proposal"
    text = "You cannot approve your own proposal. Another person must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan orang lain."


class SuspenseTooSmall(Invalid):
    """`details`: `amount`, what is in suspense, and `due`, what the bill asks for, in rupiah."""

    code = "suspense_too_small"
    text = "This money does not suffice for the bill. Choose a bill of at most its amount."
    text_id = "Dana ini tidak cukup untuk tagihan tersebut. Pilih tagihan yang tidak lebih besar."


class Issued(Lifetime, Protocol):
    """From when until when a bill can be paid."""

    @property
    def issued_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Counting:
    """Both instants that an allocation by decision could count from, and which it is.

    decision_day: 00:00 in Jakarta of the day of the decision.
    """

    paid_at: datetime
    decision_day: datetime
    counts_at: datetime


def find_counting(bill: Issued, *, paid_at: datetime, decided_at: datetime) -> Counting:
    """Return from when money in suspense counts for a bill.

    From when it was paid, if the bill was open and payable then; otherwise from the beginning of
    the day of the decision.
    """
    decision_day = midnight(jakarta_date(decided_at))
    was_payable = bill.issued_at <= paid_at < find_payable_until(bill)
    return Counting(paid_at, decision_day, paid_at if was_payable else decision_day)


def check_enough(amount: int, *, due: int) -> None:
    """Refuse a bill that asks for more than there is, in rupiah. Raises: SuspenseTooSmall."""
    if due > amount:
        raise SuspenseTooSmall(amount=amount, due=due)


def check_decision(status: ProposalStatus, *, verdict: ProposalVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to approve one's own; one's own may be rejected.

    Raises: SuspenseProposalDecided, OwnSuspenseProposal.
    """
    if status is not ProposalStatus.PROPOSED:
        raise SuspenseProposalDecided
    if is_own and verdict is ProposalVerdict.APPROVED:
        raise OwnSuspenseProposal
