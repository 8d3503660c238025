"""The answer to each allocation of a member, and the stored state of a registration."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from member_service.attribution_periods.rules import AttributionPeriod, Place, period_on
from member_service.members.rules import RegistrationState
from member_service.registrations.rules import (
    UNPAID_MONTHS,
    Allocation,
    DeclineReason,
    History,
    Registration,
)
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Programme


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an allocation, as it is published.

    first_month: of the registration, from which the commission's counter runs. place: agent
    and branch on the day of `counts_at`. is_acquisition: the first allocation that stands of a
    person never before registered as BPU. All three are None if the allocation is declined.
    """

    declined: DeclineReason | None = None
    withdrawn: tuple[Month, ...] = ()
    first_month: Month | None = None
    place: Place | None = None
    is_acquisition: bool = False
    months: tuple[Month, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class KnownAllocation:
    """Money allocated to a bill, with the answer given last.

    months and programmes have one entry for each bill line, in the same order. answer_no: 0 for one
    that is not stored yet, because it is stored with its first answer.
    """

    id: UUID
    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    issued_at: datetime
    counts_at: datetime
    received_at: datetime
    months: Sequence[Month]
    programmes: Sequence[Programme]
    paying_account: str | None
    answer_no: int = 0
    answer: Answer = Answer()


@dataclass(frozen=True, slots=True)
class NumberedAnswer:
    """An answer to store. answer_no: how many were published, with this one."""

    allocation: KnownAllocation
    answer_no: int
    answer: Answer


def find_answers(
    allocations: Iterable[Allocation],
    history: History,
    *,
    reversed_ids: Iterable[UUID],
    periods: Sequence[AttributionPeriod],
    is_new_to_bpu: bool,
) -> dict[UUID, Answer]:
    """Return the answer to each allocation of a member, by its id.

    allocations: those that stand; history is made of them. is_new_to_bpu: never registered before,
    on evidence. Source: docs/domain.md, Care.
    """
    ordered = sorted(allocations, key=lambda each: (each.counts_at, each.id))
    first_months = {
        by.id: registration.first_month
        for registration in history.registrations
        for by in registration.paid.values()
    }
    acquiring = next((each.id for each in ordered if each.id in first_months), None)
    found = dict.fromkeys(reversed_ids, Answer(declined=DeclineReason.REVERSED))
    for each in ordered:
        answer = history.answers[each.id]
        if answer.declined is not None:
            found[each.id] = Answer(declined=answer.declined)
            continue
        found[each.id] = Answer(
            withdrawn=answer.withdrawn,
            # Without a month that stands there is no registration.
            first_month=first_months.get(each.id, each.months[0]),
            place=period_on(periods, each.counts_on).place,
            is_acquisition=is_new_to_bpu and each.id == acquiring,
            months=answer.months,
        )
    return found


def find_first_unpaid(registration: Registration) -> Month:
    """Return the first unpaid month of the registration."""
    return list_next_unpaid(registration)[0]


def list_next_unpaid(registration: Registration) -> tuple[Month, ...]:
    """Return the first `UNPAID_MONTHS` months of the registration that are not paid."""
    found: list[Month] = []
    month = registration.first_month
    while len(found) < UNPAID_MONTHS:
        if month not in registration.paid:
            found.append(month)
        month = month.plus(1)
    return tuple(found)


def find_state(registration: Registration) -> RegistrationState:
    """Return the state of a registration that is stored with the member."""
    unpaid = list_next_unpaid(registration)
    return RegistrationState(
        paid_through=max(registration.paid),
        first_unpaid=unpaid[0],
        ends_on=registration.ends_on,
        end_reason=registration.end_reason,
        unpaid_months=unpaid,
    )
