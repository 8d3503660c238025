"""Business days to list by: from one through another."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.jakarta import midnight

MOST_DAYS = 31
"""Of what is added up or exported: the days of a month."""
BEGIN, END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class DaysBackward(Invalid):
    code = "days_backward"
    text = "The first day is after the last one. Exchange them."
    text_id = "Tanggal awal lebih akhir dari tanggal akhir. Tukar keduanya."


class DaysNeeded(Invalid):
    """`details`: `most_days`."""

    code = "days_needed"
    text = f"Say from which day to which day, at most {MOST_DAYS} days in all."
    text_id = f"Sebutkan tanggal awal dan tanggal akhir, paling banyak {MOST_DAYS} hari."


@dataclass(frozen=True, slots=True)
class Days:
    """Jakarta days from `first` through `last`; None: no limit there."""

    first: date | None = None
    last: date | None = None

    @property
    def begin(self) -> datetime:
        """The first instant of these days."""
        return BEGIN if self.first is None else midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first instant after them."""
        return END if self.last is None else midnight(self.last + timedelta(days=1))

    def check_bounded(self, *, field: str = "business_from") -> None:
        """Refuse more than `MOST_DAYS`. Raises: DaysNeeded.

        field: the parameter of the first day.
        """
        if self.first is None or self.last is None or (self.last - self.first).days >= MOST_DAYS:
            raise DaysNeeded(field=field, most_days=MOST_DAYS)


ALL_DAYS = Days()
