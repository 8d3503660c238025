"""Which months are covered, when arrears begin and when a membership ends.

Everything follows from the paid months and a date; nothing here is ever switched by hand.
Sources: docs/domain.md, Coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from member_service.members.rules import MemberStatus, Standing, status
from perisai_kit.domain.month import Month, count_months, list_months

DUE_DAY = 15
"""Of the contribution month itself. Source: docs/domain.md, Coverage (PP 44/2015)."""

LAPSE_MONTHS = 4
"""The membership ends when the fourth month in a row begins unpaid: three may be in arrears."""

WAITING_MONTHS = 3
JKM_BENEFIT = 42_000_000
JKM_BENEFIT_WAITING = 10_000_000
"""Rupiah, with fewer than `WAITING_MONTHS` in a row. Source: docs/domain.md, Benefits shown."""

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class PaidMonth:
    """A month whose mandatory programmes, JKK and JKM, are both paid; paid_on in Jakarta."""

    month: Month
    paid_on: date


@dataclass(frozen=True, slots=True)
class Spell:
    """One registration, from its first payment until it lapses.

    months: the months paid in it, in order. first: the month from which unpaid months count.
    """

    registered_on: date
    first: Month
    months: tuple[Month, ...]

    @property
    def covered_from(self) -> date:
        return max(self.first.first_day, self.registered_on)


@dataclass(frozen=True, slots=True)
class Coverage:
    """A member's protection on one day.

    covered_today: the month of the day is paid. covered_if_arrears_paid: the month is not paid,
    but the membership has not ended. consecutive_months: the longest run of paid months of this
    registration that have begun.
    """

    status: MemberStatus
    covered_today: bool
    covered_if_arrears_paid: bool
    registered_on: date | None
    covered_from: date | None
    paid_through: Month | None
    unpaid_months: tuple[Month, ...]
    next_due_on: date | None
    lapses_on: date | None
    consecutive_months: int
    jkm_full_benefit: bool

    @property
    def jkm_benefit(self) -> int:
        return JKM_BENEFIT if self.jkm_full_benefit else JKM_BENEFIT_WAITING


def due_on(month: Month) -> date:
    """Return the day until which a month's contribution is in time.

    The 15th of the month itself; on a weekend the next Monday. Public holidays are not known
    here, so a 15th on one counts as a working day.
    """
    due = date(month.year, month.month, DUE_DAY)
    return due + timedelta(days=max(0, 7 - due.weekday()) if due.weekday() >= SATURDAY else 0)


def spells(paid: Sequence[PaidMonth]) -> tuple[Spell, ...]:
    """Return the registrations that a member's payments make, oldest first.

    A payment after a lapse registers the member anew: old arrears are not owed any more.
    """
    found: list[Spell] = []
    earlier: list[Month] = []
    for paid_on, group in groupby(sorted(paid, key=_paid_on), key=_paid_on):
        months = [each.month for each in group]
        if not found:
            found.append(_extended(Spell(paid_on, min(months), ()), months))
        elif paid_on < lapses_on(found[-1]):
            found[-1] = _extended(found[-1], months)
        else:
            # Arrears of the registration before do not revive it; what was paid ahead counts.
            present = Month.of(paid_on)
            ahead = [month for month in (*months, *earlier) if month >= present]
            found.append(_extended(Spell(paid_on, min(ahead, default=present), ()), ahead))
        earlier += months
    return tuple(found)


def lapses_on(spell: Spell) -> date:
    """Return the day on which this registration ends if nothing more is paid."""
    last = spell.first.plus(-1)
    for month in spell.months:
        if count_months(last, month) > LAPSE_MONTHS:
            break
        last = month
    return last.plus(LAPSE_MONTHS).first_day


def standing(paid: Sequence[PaidMonth]) -> Standing | None:
    """Return what the paid months mean for every later day; None when none is paid."""
    if not paid:
        return None
    spell = spells(paid)[-1]
    return Standing(
        paid_through=spell.months[-1] if spell.months else max(each.month for each in paid),
        grace_from=due_on(_first_unpaid(spell)) + timedelta(days=1),
        lapses_on=lapses_on(spell),
    )


def coverage(paid: Sequence[PaidMonth], *, on: date) -> Coverage:
    """Return a member's protection on a day."""
    now = standing(paid)
    state = status(now, on=on)
    if now is None:
        return Coverage(
            state, False, False, None, None, None, (), None, None, 0, jkm_full_benefit=False
        )
    spell = spells(paid)[-1]
    alive = state is not MemberStatus.LAPSED and on >= spell.covered_from
    month_paid = Month.of(on) in {each.month for each in paid}
    run = longest_run([month for month in spell.months if month.first_day <= on])
    return Coverage(
        status=state,
        covered_today=alive and month_paid,
        covered_if_arrears_paid=alive and not month_paid,
        registered_on=spell.registered_on,
        covered_from=spell.covered_from,
        paid_through=now.paid_through,
        unpaid_months=overdue_months(spell, on=on),
        next_due_on=None if state is MemberStatus.LAPSED else due_on(_first_unpaid(spell)),
        lapses_on=now.lapses_on,
        consecutive_months=run,
        jkm_full_benefit=run >= WAITING_MONTHS,
    )


def overdue_months(spell: Spell, *, on: date) -> tuple[Month, ...]:
    """Return the unpaid months of a registration whose due day has passed, oldest first.

    After a lapse, those of the time before it: they are the reason, and are not owed any more.
    """
    last = Month.of(min(on, lapses_on(spell) - timedelta(days=1)))
    count = max(0, count_months(spell.first, last) + 1)
    months = set(spell.months)
    return tuple(
        month
        for month in list_months(spell.first, count)
        if month not in months and due_on(month) < on
    )


def longest_run(months: Sequence[Month]) -> int:
    """Return how many of these ordered, different months follow one another at most."""
    longest = run = 0
    last: Month | None = None
    for month in months:
        run = run + 1 if last is not None and count_months(last, month) == 1 else 1
        longest, last = max(longest, run), month
    return longest


def _paid_on(each: PaidMonth) -> date:
    return each.paid_on


def _extended(spell: Spell, months: Sequence[Month]) -> Spell:
    counting = {month for month in months if month >= spell.first}
    return Spell(spell.registered_on, spell.first, tuple(sorted({*spell.months, *counting})))


def _first_unpaid(spell: Spell) -> Month:
    month = spell.first
    for paid in spell.months:
        if paid != month:
            break
        month = month.plus(1)
    return month
