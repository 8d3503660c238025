"""Public holidays, and the due days of contributions."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache

import holidays as published

from perisai_kit.domain.month import Month

DUE_DAY = 15
"""Of the contribution month itself. Source: docs/domain.md, Membership (PP 44/2015)."""

SATURDAY = 5


class HolidayKind(StrEnum):
    PUBLIC = "public"
    JOINT_LEAVE = "joint_leave"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Holiday:
    day: date
    name: str
    kind: HolidayKind


@dataclass(frozen=True, slots=True)
class Correction:
    """An officer's correction of a day."""

    is_holiday: bool
    name: str


class Holidays(Container[date]):
    """Days on which nothing is due, besides weekends."""

    def __init__(self, corrections: Mapping[date, Correction], *, joint_leave: bool) -> None:
        """joint_leave: whether days of joint leave (cuti bersama) count as public holidays."""
        self._corrections = corrections
        self._joint_leave = joint_leave

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.find(day) is not None

    def find(self, day: date) -> Holiday | None:
        """Return the holiday on a day."""
        corrected = self._corrections.get(day)
        if corrected is not None:
            kind = HolidayKind.CORRECTED
            return Holiday(day, corrected.name, kind) if corrected.is_holiday else None
        if day in _published(day.year):
            return Holiday(day, _published(day.year)[day], HolidayKind.PUBLIC)
        if self._joint_leave and day in _published(day.year, joint_leave=True):
            name = _published(day.year, joint_leave=True)[day]
            return Holiday(day, name, HolidayKind.JOINT_LEAVE)
        return None

    def list_year(self, year: int) -> list[Holiday]:
        """Return the holidays of a year in order."""
        first = date(year, 1, 1)
        days = (
            first + timedelta(days=count) for count in range((date(year, 12, 31) - first).days + 1)
        )
        return [found for day in days if (found := self.find(day))]


@cache
def _published(year: int, *, joint_leave: bool = False) -> Mapping[date, str]:
    """Return the holidays that the package `holidays` lists for Indonesia.

    Days of the lunar calendar are estimates until they are decreed, so an officer can correct them.
    """
    category = published.GOVERNMENT if joint_leave else published.PUBLIC
    return published.country_holidays("ID", years=year, categories=category, language="id")


def due_on(month: Month, off: Container[date]) -> date:
    """Return the day until which a month's contribution is in time.

    The 15th of the month itself; on a weekend or a holiday the next working day.
    """
    due = date(month.year, month.month, DUE_DAY)
    while due.weekday() >= SATURDAY or due in off:
        due += timedelta(days=1)
    return due


def last_month_due(on: date, off: Container[date]) -> Month:
    """Return the last month whose due day has passed on a day."""
    present = Month.of(on)
    return present if due_on(present, off) < on else present.plus(-1)
