"""The days by which members are counted."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from member_service.holidays.rules import due_on, last_month_due
from perisai_kit.domain.month import Month

DUE_WITHIN = timedelta(days=6)
LAPSING_DAYS = (14, 30)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of an overview.

    last_due: the last month whose due day has passed. due_months: those that fall due today or in
    the six days after. lapsing_until: by number of days, the last day of a lapse within them.
    """

    on: date
    last_due: Month
    due_months: tuple[Month, ...]
    lapsing_until: Mapping[int, date]


def make_day(on: date, off: Container[date]) -> Day:
    """Return the days of an overview. off: the days on which nothing falls due."""
    present = Month.of(on)
    return Day(
        on=on,
        last_due=last_month_due(on, off),
        due_months=tuple(
            month
            for month in (present.plus(-1), present)
            if on <= due_on(month, off) <= on + DUE_WITHIN
        ),
        lapsing_until={days: on + timedelta(days=days) for days in LAPSING_DAYS},
    )
