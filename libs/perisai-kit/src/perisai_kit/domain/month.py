"""A calendar month as a value: order, arithmetic, first and last day."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Self

MONTH_NAMES = {
    "id": (
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
"""The names of the months by language."""
_TEXT = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A month such as 2026-11. Months compare in the order of the calendar.

    Raises: ValueError when year is not 1 to 9999 or month not 1 to 12.
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.month <= 12):
            raise ValueError("a month is 0001-01 to 9999-12")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2026-11". Raises: ValueError on anything else."""
        return cls(*_read(text))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month of a day."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return _written(self.year, self.month)

    def plus(self, count: int) -> Self:
        """Return the month `count` months later; a negative count goes back."""
        year, month = divmod(self.year * 12 + self.month - 1 + count, 12)
        return type(self)(year, month + 1)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        if (self.year, self.month) == (9999, 12):
            return date.max
        return self.plus(1).first_day - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return (day.year, day.month) == (self.year, self.month)


# Cached, because the same few months are parsed and formatted for each line of a bill.
@lru_cache(maxsize=1024)
def _written(year: int, month: int) -> str:
    return f"{year:04}-{month:02}"


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[int, int]:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError("a month is written like 2026-11")
    return int(found[1]), int(found[2])


def count_months(first: Month, last: Month) -> int:
    """Return the months from `first` to `last`; negative if `last` is earlier."""
    return (last.year - first.year) * 12 + last.month - first.month


def list_months(first: Month, count: int) -> tuple[Month, ...]:
    """Return `count` >= 0 consecutive months, beginning with `first`."""
    return tuple(first.plus(index) for index in range(count))


def write_month(month: Month, language: str) -> str:
    """Return `Desember 2026`, or `December 2026`. language: `id` or `en`."""
    return f"{MONTH_NAMES[language][month.month - 1]} {month.year}"
