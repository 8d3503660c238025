"""Judge a moment from registrations: standing, cover, waiting period, and billable months.

Source of every rule: docs/domain.md, Membership.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from member_service.allocations.rules import find_first_unpaid, find_state
from member_service.holidays.rules import due_on, last_month_due
from member_service.members.rules import Standing, find_standing
from member_service.registrations.rules import (
    AGE_LIMIT,
    History,
    Person,
    Registration,
    Terms,
    WaitingMonth,
    find_declaration,
    has_died,
    may_begin_earlier,
)
from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.domain.month import Month, count_months, list_months
from perisai_kit.domain.programmes import Programme

MONTHS_OFFERED = 24
"""Longer than any bill; payment-service decides how many months a bill may have."""

MAX_BASES = 100
"""Members whose contribution basis can be read at once: as many as an order may have bills."""

WAITING_MONTHS = 3
JKM_BENEFIT = 42_000_000
JKM_BENEFIT_WAITING = 10_000_000
"""Rupiah, with fewer than `WAITING_MONTHS` in a row. Source: docs/domain.md, Benefits shown."""


class Cover(StrEnum):
    COVERED = "covered"
    COVERED_IF_PAID = "covered_if_paid"
    NOT_COVERED = "not_covered"


@dataclass(frozen=True, slots=True)
class IfPaid:
    """The unpaid months whose payment covers a moment. pay_before: the first late instant."""

    months: tuple[Month, ...]
    pay_before: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """A member's protection at a moment.

    registration: the last one that began by then. unpaid_months: the months that are due.
    next_due_on: of the first unpaid month. consecutive_months: towards the waiting period.
    jkm_benefit: in rupiah; None unless covered.
    """

    standing: Standing
    cover: Cover
    if_paid: IfPaid | None
    registration: Registration | None
    paid_through: Month | None
    unpaid_months: tuple[Month, ...]
    next_due_on: date | None
    consecutive_months: int
    jkm_benefit: int | None


@dataclass(frozen=True, slots=True)
class PaidMonth:
    """A paid month, with its paid programmes and the Jakarta day on which the payment counts."""

    month: Month
    programmes: tuple[Programme, ...]
    paid_on: date


@dataclass(frozen=True, slots=True)
class MemberCoverage:
    """Coverage at a moment. known_at: only facts known at this instant count."""

    at: datetime
    known_at: datetime
    coverage: Coverage
    months: Sequence[PaidMonth]


def list_unpaid_through(registration: Registration, last: Month) -> tuple[Month, ...]:
    """Return the unpaid months of a registration up to a month, oldest first."""
    count = max(0, count_months(registration.first_month, last) + 1)
    months = list_months(registration.first_month, count)
    return tuple(month for month in months if month not in registration.paid)


def find_coverage(
    history: History,
    *,
    at: datetime,
    known_at: datetime,
    off: Container[date],
    waiting: WaitingMonth,
) -> Coverage:
    """Return a member's coverage at a moment, by what was known at an instant.

    off: the days on which nothing falls due.
    """
    on = jakarta_date(at)
    registration = history.last_at(at)
    state = find_state(registration) if registration else None
    standing = find_standing(state, on=on, last_due=last_month_due(on, off))
    if registration is None:
        return Coverage(standing, Cover.NOT_COVERED, None, None, None, (), None, 0, None)
    cover, if_paid = _find_cover(registration, at=at, known_at=known_at)
    is_open = registration.is_open(at)
    last_inside = min(on, registration.ends_on - timedelta(days=1))
    run = count_waiting_months(registration, on=on, waiting=waiting)
    return Coverage(
        standing=standing,
        cover=cover,
        if_paid=if_paid,
        registration=registration,
        paid_through=max(registration.paid),
        unpaid_months=list_unpaid_through(registration, last_month_due(last_inside, off)),
        next_due_on=due_on(find_first_unpaid(registration), off) if is_open else None,
        consecutive_months=run,
        jkm_benefit=_find_jkm_benefit(run) if cover is Cover.COVERED else None,
    )


def _find_cover(
    registration: Registration, *, at: datetime, known_at: datetime
) -> tuple[Cover, IfPaid | None]:
    if not registration.is_open(at) or at < registration.covers_from:
        return Cover.NOT_COVERED, None
    month = Month.of(jakarta_date(at))
    if month in registration.paid:
        return Cover.COVERED, None
    if not registration.is_open(known_at):
        return Cover.NOT_COVERED, None
    months = list_unpaid_through(registration, month)
    return Cover.COVERED_IF_PAID, IfPaid(months, registration.ends_at)


def count_waiting_months(registration: Registration, *, on: date, waiting: WaitingMonth) -> int:
    """Return the longest run of paid months of a registration that count on a day."""
    counted = [
        month
        for month in registration.paid
        if (month.last_day < on if waiting is WaitingMonth.OVER else month.first_day <= on)
    ]
    longest = run = 0
    last: Month | None = None
    for month in sorted(counted):
        run = run + 1 if last is not None and count_months(last, month) == 1 else 1
        longest, last = max(longest, run), month
    return longest


def _find_jkm_benefit(consecutive_months: int) -> int:
    return JKM_BENEFIT if consecutive_months >= WAITING_MONTHS else JKM_BENEFIT_WAITING


class NotBillable(StrEnum):
    """Why nothing can be billed."""

    DECEASED = "deceased"
    OVER_AGE = "over_age"


@dataclass(frozen=True, slots=True)
class Offer:
    """Months that can be billed now, in order: a bill takes the first ones.

    pay_before: the first instant that is too late to pay them.
    paid_earlier: the months that were already paid in an earlier registration.
    """

    months: tuple[Month, ...]
    pay_before: datetime
    opens_registration: bool
    paid_earlier: tuple[Month, ...] = ()


@dataclass(frozen=True, slots=True)
class Billable:
    """What can be billed. offers: the proposed one first. declaration_needed: before the bill.

    not_billable: why there is no offer.
    """

    offers: tuple[Offer, ...]
    declaration_needed: bool = False
    not_billable: NotBillable | None = None


def find_billable(
    history: History,
    person: Person,
    *,
    at: datetime,
    terms: Terms,
) -> Billable:
    """Return what can be billed at an instant."""
    registration = history.open_at(at)
    if registration is not None:
        return Billable(_find_extending_offers(registration, person, at))
    on = jakarta_date(at)
    if has_died(person, on=on):
        return Billable((), not_billable=NotBillable.DECEASED)
    if on >= find_age_limit_day(person.birth_date):
        return Billable((), not_billable=NotBillable.OVER_AGE)
    declared = find_declaration(person.declarations, at, days=terms.declaration_days)
    return Billable(
        _find_opening_offers(history, person, at, terms.opening_margin),
        declaration_needed=declared is None,
    )


def _list_known_ends(person: Person, *, on: date) -> list[date]:
    """Return the first days outside, by what is reported, that come after a day.

    The earliest ends every registration that is open then, also one that lapses before it now:
    the payment of a bill moves the lapse.
    """
    return [each.ended_on for each in person.endings if each.ended_on > on]


def _cut(months: Iterable[Month], known_ends: Iterable[date]) -> tuple[Month, ...]:
    """Return the months up to that of the last day inside."""
    last = min((Month.of(day - timedelta(days=1)) for day in known_ends), default=None)
    return tuple(month for month in months if last is None or month <= last)


def _find_extending_offers(
    registration: Registration, person: Person, at: datetime
) -> tuple[Offer, ...]:
    """Return the offers of unpaid months, and of the beginning's month if it may still count."""
    on = jakarta_date(at)
    # After a reversal a paid month may follow unpaid ones; skip it.
    months = [
        month
        for month in list_months(registration.first_month, MONTHS_OFFERED + len(registration.paid))
        if month not in registration.paid
    ]
    unpaid = _cut(months[:MONTHS_OFFERED], _list_known_ends(person, on=on))
    offers = [Offer(unpaid, registration.ends_at, opens_registration=False)] if unpaid else []
    if may_begin_earlier(registration.began_on, registration.first_month, on=on):
        month = Month.of(on)
        pay_before = min(midnight(month.plus(1).first_day), registration.ends_at)
        offers.insert(0, Offer((month,), pay_before, opens_registration=False))
    return tuple(offers)


def _find_opening_offers(
    history: History, person: Person, at: datetime, margin: timedelta
) -> tuple[Offer, ...]:
    """Return the offers of the present and of the next month, the proposed one first.

    A known ending would end the new registration, so it limits the months and the instant too.
    """
    on = jakarta_date(at)
    present = Month.of(on)
    known_ends = _list_known_ends(person, on=on)
    too_late_at = midnight(min([find_age_limit_day(person.birth_date), *known_ends]))
    paid = {month for each in history.registrations for month in each.paid}
    offers = []
    for first in (present, present.plus(1)):
        months = _cut(list_months(first, MONTHS_OFFERED), known_ends)
        if not months:
            continue
        offers.append(
            Offer(
                months=months,
                pay_before=min(midnight(first.plus(1).first_day), too_late_at),
                opens_registration=True,
                paid_earlier=tuple(month for month in months if month in paid),
            )
        )
    is_late = at > midnight(present.plus(1).first_day) - margin
    if is_late or offers[0].paid_earlier[:1] == (present,):
        offers.reverse()
    return tuple(offers)


def find_age_limit_day(birth_date: date) -> date:
    """Return the day on which a person reaches the age limit."""
    year = birth_date.year + AGE_LIMIT
    if (birth_date.month, birth_date.day) == (2, 29):
        return date(year, 3, 1)  # 65 years after a leap year there is no 29 February
    return birth_date.replace(year=year)
