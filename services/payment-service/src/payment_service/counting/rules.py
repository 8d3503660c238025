"""For whom a payment counts, and in which month. Source: docs/money.md, Commissions."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.month import Month


class BeneficiaryKind(StrEnum):
    AGENT = "agent"
    WADAH = "wadah"


@dataclass(frozen=True, slots=True)
class Care:
    """For whom a member counts: one attribution.

    counted_from: the month in which the member first came to any agent; his months count from it.
    """

    attribution_id: UUID
    agent_id: UUID
    wadah_id: UUID
    counted_from: Month


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A programme of a month that was paid; amount in rupiah."""

    month: Month
    programme: str
    amount: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled payment. month: the one it counts in. is_first: the member's first one ever."""

    payment_id: UUID
    member_id: UUID
    attribution_id: UUID | None
    agent_id: UUID | None
    payer: str
    month: Month
    is_first: bool
    paid: tuple[PaidLine, ...]


@dataclass(frozen=True, slots=True)
class Earning:
    """A payment for a member in somebody's care.

    month: the one it counts in. is_new: it is the first one ever of a member who is new to BPU.
    """

    payment_id: UUID
    member_id: UUID
    month: Month
    care: Care
    payer: str
    paid: tuple[PaidLine, ...]
    is_new: bool

    @property
    def programmes(self) -> int:
        """How many programmes its first month has."""
        first = min(each.month for each in self.paid)
        return len({each.programme for each in self.paid if each.month == first})


def earned_month(paid_in: Month, closed_through: Month | None) -> Month:
    """Return the month a payment counts in: the bank's, unless that month is closed already."""
    if closed_through is None or paid_in > closed_through:
        return paid_in
    return closed_through.plus(1)


def first_free_month(closed_through: Month | None, counted_through: Month | None) -> Month | None:
    """Return the first month that is neither closed nor counted in; None where all are."""
    begun = [month for month in (closed_through, counted_through) if month is not None]
    return max(begun).plus(1) if begun else None
