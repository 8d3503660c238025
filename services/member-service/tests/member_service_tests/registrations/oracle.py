"""A second, naive calendar that goes from day to day, written from the model alone.

It shares only the type of months with the calendar under test.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from perisai_kit.domain.month import Month

WIB = ZoneInfo("Asia/Jakarta")
DAY = timedelta(days=1)
LONGEST = 6 * 366


@dataclass
class Money:
    id: UUID
    counts_at: datetime
    issued_at: datetime
    months: list[Month]


@dataclass
class Life:
    """What is known of a person: endings are (first day outside, reason)."""

    born: date
    declared: list[tuple[date, datetime]] = field(default_factory=list)
    endings: list[tuple[date, str]] = field(default_factory=list)


@dataclass
class Membership:
    began_at: datetime
    first_month: Month
    payer_of: dict[Month, Money]
    ended_on: date | None = None
    reason: str = ""


@dataclass
class Verdicts:
    memberships: list[Membership] = field(default_factory=list)
    declined: dict[UUID, str] = field(default_factory=dict)
    withdrawn: dict[UUID, set[Month]] = field(default_factory=dict)


def civil(at: datetime) -> date:
    return at.astimezone(WIB).date()


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=WIB)


def month_of(day: date) -> Month:
    return Month(day.year, day.month)


def walk(money: Iterable[Money], life: Life, *, known_on: date) -> Verdicts:
    """Process every day from the first payment until nothing can change any more."""
    ordered = sorted(money, key=lambda m: (m.counts_at, m.id))
    waiting = [each for each in ordered if each.months]
    found = Verdicts(declined={m.id: "mandatory_missing" for m in ordered if not m.months})
    if not waiting:
        return found
    day, present = civil(waiting[0].counts_at), None
    for _ in range(LONGEST):
        if present is not None:
            present = end_at_midnight(present, day, life)
        while waiting and civil(waiting[0].counts_at) == day:
            present = take(waiting.pop(0), present, life, found)
        if present is None and not waiting:
            break
        day += DAY
    for each in found.memberships:
        withdraw(each, found, known_on)
    found.memberships = [each for each in found.memberships if each.payer_of]
    return found


def end_at_midnight(present: Membership, day: date, life: Life) -> Membership | None:
    """End a membership at the beginning of a day: by a report, or by three unpaid months."""
    for ended_on, reason in life.endings:
        if ended_on == day and civil(present.began_at) < day:
            present.ended_on, present.reason = day, reason
            return None
    if day.day == 1:
        before = [month_of(day).plus(-back) for back in (1, 2, 3)]
        if all(m >= present.first_month and m not in present.payer_of for m in before):
            present.ended_on, present.reason = day, "lapsed"
            return None
    return present


def take(
    money: Money, present: Membership | None, life: Life, found: Verdicts
) -> Membership | None:
    today = civil(money.counts_at)
    if present is None:
        problem = problem_of_opening(money, life, today)
        if problem:
            found.declined[money.id] = problem
            return None
        opened = Membership(money.counts_at, min(money.months), dict.fromkeys(money.months, money))
        found.memberships.append(opened)
        return opened
    if any(month in present.payer_of for month in money.months):
        found.declined[money.id] = "month_paid"
        return present
    began = month_of(civil(present.began_at))
    still_next = present.first_month == began.plus(1) and month_of(today) == began
    if still_next and money.months == [began]:
        present.first_month = began
    if any(month < present.first_month for month in money.months):
        found.declined[money.id] = "before_first_month"
        return present
    for month in money.months:
        present.payer_of[month] = money
    return present


def problem_of_opening(money: Money, life: Life, today: date) -> str:
    if any(reason == "death" and today >= ended_on for ended_on, reason in life.endings):
        return "deceased"
    if min(money.months) != month_of(today) and min(money.months) != month_of(today).plus(1):
        return "no_registration"
    if today >= sixty_fifth_birthday(life.born):
        return "over_age"
    issued = civil(money.issued_at)
    for declared_on, received_at in life.declared:
        if received_at <= money.issued_at and declared_on >= issued - 30 * DAY:
            return ""
    return "not_declared"


def sixty_fifth_birthday(born: date) -> date:
    try:
        return date(born.year + 65, born.month, born.day)
    except ValueError:
        return date(born.year + 65, 3, 1)


def withdraw(each: Membership, found: Verdicts, known_on: date) -> None:
    assert each.ended_on is not None, "every walk ends with a lapse"
    certain_on = each.ended_on + (DAY if each.reason == "lapsed" else 0 * DAY)
    if known_on < certain_on:
        return
    last = month_of(each.ended_on - DAY)
    for month in [month for month in each.payer_of if month > last]:
        found.withdrawn.setdefault(each.payer_of.pop(month).id, set()).add(month)


def is_covered(found: Verdicts, at: datetime) -> bool:
    """Tell whether a moment is covered."""
    month = month_of(civil(at))
    for each in found.memberships:
        ended_on = each.ended_on
        assert ended_on is not None
        inside = each.began_at <= at < start_of(ended_on)
        if inside and month in each.payer_of and at >= each.payer_of[each.first_month].counts_at:
            return True
    return False
