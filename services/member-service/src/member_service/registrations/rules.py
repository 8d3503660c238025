"""The calendar: which registrations a member's allocations make.

The calendar is a function of standing allocations, endings and declarations. The order in which
they became known does not matter, and nothing is set by hand. An allocation is money that pays
contribution months of one member; in it a month counts as paid when JKK and JKM are both paid. A
reversed allocation does not stand; the calendar is never given one.
Source of every rule: docs/domain.md, Membership.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import compute_age

AGE_LIMIT = 65
"""A person of this age cannot be registered. Source: docs/domain.md, Who may join."""

UNPAID_MONTHS = 3
"""This many unpaid months in a row end a registration. Source: docs/domain.md, Membership."""

AGENT_MONTHS = 60
"""Months of a registration that a member stays with agents. Source: docs/domain.md, Care."""

LAPSE_ANNOUNCED_AFTER = timedelta(days=1)
"""Banks may report a payment of the last day a little later. Our own choice."""


class RegistrationKind(StrEnum):
    FIRST = "first"
    RETURN = "return"


class EndReason(StrEnum):
    LAPSED = "lapsed"
    DEATH = "death"
    CLAIM = "claim"
    STOPPED_WORKING = "stopped_working"
    CHOICE = "choice"


class DeclineReason(StrEnum):
    """Why an allocation pays nothing.

    mandatory_missing: no month in it has both mandatory programmes.
    """

    MANDATORY_MISSING = "mandatory_missing"
    MONTH_PAID = "month_paid"
    BEFORE_FIRST_MONTH = "before_first_month"
    NO_REGISTRATION = "no_registration"
    NOT_DECLARED = "not_declared"
    OVER_AGE = "over_age"
    DECEASED = "deceased"
    REVERSED = "reversed"


class WaitingMonth(StrEnum):
    """Which paid months count towards the waiting period: those that are over, or have begun."""

    OVER = "over"
    BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms from the settings of the service.

    declaration_days: how old a declaration may be when a bill is issued.
    opening_margin: with less time left in a month, the next month is proposed.
    evidence: the sources that suffice to count a person as never registered before.
    """

    declaration_days: int
    opening_margin: timedelta
    waiting: WaitingMonth
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Money for contribution months. issued_at: of the bill it was paid for.

    counts_at: the only instant that decides order, opening and cover. months: those with both
    mandatory programmes, which may be none.
    """

    id: UUID
    counts_at: datetime
    issued_at: datetime
    months: tuple[Month, ...]

    @property
    def counts_on(self) -> date:
        return jakarta_date(self.counts_at)


@dataclass(frozen=True, slots=True)
class Ending:
    """A reported end. ended_on: the first day outside. reason: never a lapse."""

    ended_on: date
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Declaration:
    """A statement that the person works. made_at: when we received it."""

    id: UUID
    declared_on: date
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Facts about a member that the calendar needs besides allocations."""

    birth_date: date
    declarations: Sequence[Declaration] = ()
    endings: Sequence[Ending] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """One continuous membership.

    paid: its paid months, each with the allocation that pays it.
    ends_on: the first day outside, if nothing more becomes known; a lapse unless stated otherwise.
    """

    opened_by: UUID
    began_at: datetime
    first_month: Month
    declaration_id: UUID
    age: int
    paid: Mapping[Month, Allocation] = field(hash=False)
    ends_on: date
    end_reason: EndReason
    kind: RegistrationKind = RegistrationKind.FIRST

    @property
    def began_on(self) -> date:
        return jakarta_date(self.began_at)

    @property
    def ends_at(self) -> datetime:
        return midnight(self.ends_on)

    @property
    def covers_from(self) -> datetime:
        """Return the first instant at which anything can be covered."""
        paid_first = self.paid[self.first_month].counts_at
        return max(midnight(self.first_month.first_day), self.began_at, paid_first)

    @property
    def pass_over(self) -> date | None:
        """Return the day on which the branch takes the member over: the first of month 61."""
        return find_pass_over(self.first_month, self.ends_on)

    def is_open(self, at: datetime) -> bool:
        return self.began_at <= at < self.ends_at

    def has_ended(self, on: date) -> bool:
        """Tell whether the end is certain and announced on a day."""
        announced_after = (
            LAPSE_ANNOUNCED_AFTER if self.end_reason is EndReason.LAPSED else timedelta()
        )
        return self.ends_on + announced_after <= on


@dataclass(frozen=True, slots=True)
class CoverageAnswer:
    """The answer to one allocation.

    months: paid by it. withdrawn: months after the end of the registration.
    """

    months: tuple[Month, ...] = ()
    withdrawn: tuple[Month, ...] = ()
    declined: DeclineReason | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A member's registrations, oldest first, and the answer to each allocation by its id."""

    registrations: tuple[Registration, ...] = ()
    answers: Mapping[UUID, CoverageAnswer] = field(default_factory=dict, hash=False)

    def open_at(self, at: datetime) -> Registration | None:
        return next((each for each in self.registrations if each.is_open(at)), None)

    def last_at(self, at: datetime) -> Registration | None:
        """Return the registration that began last until an instant."""
        begun = [each for each in self.registrations if each.began_at <= at]
        return begun[-1] if begun else None


@dataclass(slots=True)
class _Open:
    """A registration while its allocations are applied in order."""

    opened_by: UUID
    began_at: datetime
    first_month: Month
    declaration_id: UUID
    age: int
    paid: dict[Month, Allocation]

    @property
    def began_on(self) -> date:
        return jakarta_date(self.began_at)

    def end(self, person: Person) -> tuple[date, EndReason]:
        lapses_on = find_lapse_day(self.first_month, self.paid)
        reported = [
            (each.ended_on, each.reason)
            for each in person.endings
            if self.began_on < each.ended_on <= lapses_on
        ]
        return min(reported, default=(lapses_on, EndReason.LAPSED))


def judge(
    allocations: Iterable[Allocation], person: Person, *, terms: Terms, known_on: date
) -> History:
    """Return the registrations that these allocations make, and the answer to each allocation.

    allocations: those that stand.
    known_on: the day of knowledge; months after an end are withdrawn once the end is certain.
    """
    opened: list[_Open] = []
    ordered = sorted(allocations, key=lambda allocation: (allocation.counts_at, allocation.id))
    declined = {each.id: DeclineReason.MANDATORY_MISSING for each in ordered if not each.months}
    for each in [each for each in ordered if each.months]:
        present = opened[-1] if opened else None
        if present is not None and each.counts_at < midnight(present.end(person)[0]):
            reason = _extend(present, each)
        else:
            reason = _open(opened, each, person, terms)
        if reason is not None:
            declined[each.id] = reason
    registrations = [_close(each, person, known_on) for each in opened]
    paid = {(by.id, month) for each in registrations for month, by in each.paid.items()}
    answers = {each.id: _make_answer(each, declined.get(each.id), paid) for each in ordered}
    return History(_number(each for each in registrations if each.paid), answers)


def _extend(present: _Open, allocation: Allocation) -> DeclineReason | None:
    """Apply a whole allocation to an open registration, or return why that is impossible."""
    months = allocation.months
    if any(month in present.paid for month in months):
        return DeclineReason.MONTH_PAID
    begins_earlier = months == (Month.of(present.began_on),)
    if begins_earlier and may_begin_earlier(
        present.began_on, present.first_month, on=allocation.counts_on
    ):
        present.first_month = months[0]
    if min(months) < present.first_month:
        return DeclineReason.BEFORE_FIRST_MONTH
    present.paid.update(dict.fromkeys(months, allocation))
    return None


def _open(
    opened: list[_Open], allocation: Allocation, person: Person, terms: Terms
) -> DeclineReason | None:
    """Open a registration with an allocation, or return why that is impossible."""
    on = allocation.counts_on
    if has_died(person, on=on):
        return DeclineReason.DECEASED
    present_month = Month.of(on)
    first = min(allocation.months)
    if first not in (present_month, present_month.plus(1)):
        return DeclineReason.NO_REGISTRATION
    age = compute_age(person.birth_date, on)
    if age >= AGE_LIMIT:
        return DeclineReason.OVER_AGE
    declaration = find_declaration(
        person.declarations, allocation.issued_at, days=terms.declaration_days
    )
    if declaration is None:
        return DeclineReason.NOT_DECLARED
    opened.append(
        _Open(
            opened_by=allocation.id,
            began_at=allocation.counts_at,
            first_month=first,
            declaration_id=declaration.id,
            age=age,
            paid=dict.fromkeys(allocation.months, allocation),
        )
    )
    return None


def _close(opened: _Open, person: Person, known_on: date) -> Registration:
    """Return the registration with its end, without months after a certain end."""
    ends_on, reason = opened.end(person)
    registration = Registration(
        opened_by=opened.opened_by,
        began_at=opened.began_at,
        first_month=opened.first_month,
        declaration_id=opened.declaration_id,
        age=opened.age,
        paid=opened.paid,
        ends_on=ends_on,
        end_reason=reason,
    )
    if registration.has_ended(known_on):
        last = Month.of(ends_on - timedelta(days=1))
        for month in [month for month in opened.paid if month > last]:
            del opened.paid[month]
    return registration


def _make_answer(
    allocation: Allocation,
    declined: DeclineReason | None,
    paid: Collection[tuple[UUID, Month]],
) -> CoverageAnswer:
    """Return the answer to an allocation. paid: allocation and month of all that counts."""
    if declined is not None:
        return CoverageAnswer(declined=declined)
    return CoverageAnswer(
        months=tuple(each for each in allocation.months if (allocation.id, each) in paid),
        withdrawn=tuple(each for each in allocation.months if (allocation.id, each) not in paid),
    )


def _number(registrations: Iterable[Registration]) -> tuple[Registration, ...]:
    return tuple(
        replace(each, kind=RegistrationKind.RETURN) if place else each
        for place, each in enumerate(registrations)
    )


def find_lapse_day(first_month: Month, paid: Iterable[Month]) -> date:
    """Return the first day after the third unpaid month in a row since the first month."""
    months, month, unpaid = set(paid), first_month, 0
    while unpaid < UNPAID_MONTHS:
        unpaid = 0 if month in months else unpaid + 1
        month = month.plus(1)
    return month.first_day


def find_pass_over(first_month: Month, ends_on: date) -> date | None:
    """Return the first day of month 61, if the registration lasts so long."""
    day = first_month.plus(AGENT_MONTHS).first_day
    return day if day < ends_on else None


def may_begin_earlier(began_on: date, first_month: Month, *, on: date) -> bool:
    """Tell whether the month of the beginning can still become the first month.

    A registration may begin with the month after its first payment. Until the end of the month of
    that payment, this month alone can be paid too.
    """
    month = Month.of(began_on)
    return first_month == month.plus(1) and Month.of(on) == month


def find_declaration(
    declarations: Iterable[Declaration], issued_at: datetime, *, days: int
) -> Declaration | None:
    """Return the newest declaration that was valid when a bill was issued."""
    issued_on = jakarta_date(issued_at)
    valid = [
        each
        for each in declarations
        if each.made_at <= issued_at and (issued_on - each.declared_on).days <= days
    ]
    return max(valid, key=lambda each: (each.declared_on, each.made_at, each.id), default=None)


def has_died(person: Person, *, on: date) -> bool:
    """Tell whether the person is known to be dead on a day."""
    return any(each.reason is EndReason.DEATH and each.ended_on <= on for each in person.endings)
