"""For whom an allocation counts, and in which month. Source: docs/commissions.md."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import NotFound
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month

AgentMonth: TypeAlias = tuple[UUID, Month]


class Crossing(NamedTuple):
    """The acquisition by which an agent's month reached its threshold.

    Compares by `counts_at`, then by id, as acquisitions count.
    """

    counts_at: datetime
    allocation_id: UUID


class BeneficiaryNotFound(NotFound):
    code = "beneficiary_not_found"
    text = "There is no agent or wadah with earnings and this id, or you may not see them."
    text_id = "Insentif agen atau wadah ini tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BeneficiaryKind(StrEnum):
    AGENT = "agent"
    WADAH = "wadah"


def find_own(
    principal: Principal, wanted: BeneficiaryKind | None = None
) -> tuple[BeneficiaryKind, UUID]:
    """Return as whom a principal earns: as an agent, or else as the wadah they administer.

    wanted: as which of them; an agent who administers a wadah has two incentives.
    Raises: BeneficiaryNotFound where the account is not linked to it.
    """
    agent_id = principal.agent_id if principal.has(Role.AGENT) else None
    wadah_id = principal.wadah_id if principal.has(Role.WADAH_ADMIN) else None
    if agent_id is not None and wanted is not BeneficiaryKind.WADAH:
        return BeneficiaryKind.AGENT, agent_id
    if wadah_id is not None and wanted is not BeneficiaryKind.AGENT:
        return BeneficiaryKind.WADAH, wadah_id
    raise BeneficiaryNotFound


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A programme of a month that was paid; amount in rupiah."""

    month: Month
    programme: str
    amount: int


@dataclass(frozen=True, slots=True)
class AnsweredAllocation:
    """A settled allocation, and what is known of it.

    paid: all that its bill asked for. months: those that count; none where it was declined.
    agent_id: the member's agent on the Jakarta day of counts_at; None: the branch. was_at_work:
    whether that agent was at work on that day. first_month: of the registration. month: the month
    that the allocation earns for, always.
    """

    allocation_id: UUID
    payment_id: UUID
    member_id: UUID
    payer: str
    counts_at: datetime
    paid: tuple[PaidLine, ...]
    is_declined: bool
    months: frozenset[Month]
    first_month: Month | None
    agent_id: UUID | None
    wadah_id: UUID | None
    is_acquisition: bool
    was_at_work: bool
    month: Month = field(init=False)

    def __post_init__(self) -> None:
        # Kept, because each line is asked for it.
        object.__setattr__(self, "month", month_of(self.counts_at))

    @property
    def earner(self) -> UUID | None:
        """The agent who earns by it."""
        return self.agent_id if self.was_at_work and self.months else None

    @property
    def acquirer(self) -> UUID | None:
        """The agent for whom it counts as an acquisition."""
        return self.earner if self.is_acquisition else None

    @property
    def acquiring(self) -> AgentMonth | None:
        """The agent's month whose threshold it counts for."""
        return (self.acquirer, self.month) if self.acquirer else None

    @property
    def programmes(self) -> int:
        """How many programmes its first month has."""
        first = min(each.month for each in self.paid)
        return len({each.programme for each in self.paid if each.month == first})


def find_movable(
    pairs: Collection[AgentMonth],
    before: Mapping[AgentMonth, Crossing],
    allocations: Iterable[AnsweredAllocation],
    known: Mapping[UUID, AgentMonth],
) -> set[AgentMonth]:
    """Return the agents' months in which these allocations may change the crossing.

    A new acquisition that counts after the crossing does not change it. before: the crossings of
    what was stored before. known: the months in which these allocations were stored before.
    """
    fixed = {*before}
    for each in allocations:
        place = Crossing(each.counts_at, each.allocation_id)
        acquired = known.get(each.allocation_id)
        if acquired is not None:
            fixed.discard(acquired)
        if each.acquiring in fixed and place <= before[each.acquiring]:
            fixed.discard(each.acquiring)
    return {*pairs} - fixed


@dataclass(frozen=True, slots=True)
class NewMembers:
    """count: of an agent's month. self_paid: those of them who paid themselves."""

    count: int = 0
    self_paid: int = 0

    def of(self, *, sponsored: bool) -> int:
        """Return how many count, by whether those whom others pay for do."""
        return self.count if sponsored else self.self_paid


def month_of(instant: datetime) -> Month:
    """Return the Jakarta month of an instant."""
    return Month.of(jakarta_date(instant))


def booked_month(earned: Month, closed_through: Month | None) -> Month:
    """Return the month whose statement holds a line: the earned one, else the first open one."""
    if closed_through is None or earned > closed_through:
        return earned
    return closed_through.plus(1)


def first_free_month(closed_through: Month | None, counted_through: Month | None) -> Month | None:
    """Return the first month that is neither closed nor counted in; None where all are."""
    begun = [month for month in (closed_through, counted_through) if month is not None]
    return max(begun).plus(1) if begun else None
