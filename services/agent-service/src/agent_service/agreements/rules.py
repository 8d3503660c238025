"""Rules for agreements: the period, and its limit under the scheme.

Source: docs/domain.md, Becoming a Wadah.
"""

from dataclasses import dataclass
from datetime import date

from perisai_kit.domain.errors import Conflict, Invalid


class AgreementNumberTaken(Conflict):
    code = "agreement_number_taken"
    text = "This wadah already has an agreement with this number."
    text_id = "Wadah ini sudah memiliki PKS dengan nomor tersebut."


class AgreementEndsBeforeStart(Invalid):
    code = "agreement_ends_before_start"
    text = "The agreement ends before it starts. Correct the dates."
    text_id = "Tanggal akhir PKS lebih awal dari tanggal mulai. Perbaiki tanggalnya."


class AgreementTooLong(Invalid):
    """`details` holds `max_years` and `last_day`, the latest possible end."""

    code = "agreement_too_long"
    text = "The agreement is longer than its scheme allows. Choose an earlier end date."
    text_id = "Masa PKS melebihi batas skemanya. Pilih tanggal akhir yang lebih awal."


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of one scheme.

    The new scheme allows an agreement of 1 year and wants 5 agents, the old one 3 years and 3
    agents. Source: docs/domain.md, Becoming a Wadah (S7 2022).
    """

    max_years: int
    min_agents: int


@dataclass(frozen=True, slots=True)
class Schemes:
    """The two schemes and the day the new one begins (New Perisai, April 2022)."""

    new_from: date
    new: Terms
    old: Terms

    def on(self, day: date) -> Terms:
        """Return the terms of the scheme in force on `day`."""
        return self.new if day >= self.new_from else self.old


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, both included."""

    starts_on: date
    ends_on: date

    def covers(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


def find_last_day_allowed(starts_on: date, max_years: int) -> date:
    """Return the last day of an agreement of `max_years` full years.

    A year that starts on 1 March ends on the last day of February.
    """
    year = starts_on.year + max_years
    anniversary = (
        date(year, 3, 1)  # 29 February has no anniversary in a common year
        if (starts_on.month, starts_on.day) == (2, 29) and not _is_leap(year)
        else starts_on.replace(year=year)
    )
    return date.fromordinal(anniversary.toordinal() - 1)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def check_agreement(period: Period, schemes: Schemes, *, field: str = "ends_on") -> None:
    """Check that an agreement is not longer than the scheme in force on its first day allows.

    field: the request's field that holds the last day.
    Raises: AgreementEndsBeforeStart, AgreementTooLong.
    """
    if period.ends_on < period.starts_on:
        raise AgreementEndsBeforeStart(field=field)
    terms = schemes.on(period.starts_on)
    last_day = find_last_day_allowed(period.starts_on, terms.max_years)
    if period.ends_on > last_day:
        raise AgreementTooLong(
            field=field, max_years=terms.max_years, last_day=last_day.isoformat()
        )
