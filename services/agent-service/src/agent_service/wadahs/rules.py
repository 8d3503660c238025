"""What is true of a wadah: agreements, states, the least number of agents.

Source: docs/domain.md, Becoming a Wadah and Deactivation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Invalid, NotFound

TOO_FEW_AGENTS = "too_few_agents"
NO_AGREEMENT = "no_agreement_in_force"


class WadahKind(StrEnum):
    """An organisation or an association of workers outside an employment relation.

    Source: Perban 1/2023 (docs/domain.md, Actors).
    """

    ORGANISATION = "organisation"
    ASSOCIATION = "association"


class WadahState(StrEnum):
    REGISTERED = "registered"
    TERMINATED = "terminated"


NEXT: Mapping[WadahState, frozenset[WadahState]] = {
    WadahState.REGISTERED: frozenset({WadahState.TERMINATED}),
    WadahState.TERMINATED: frozenset(),
}


class TerminationReason(StrEnum):
    """Below target: three months in a row (docs/domain.md, Becoming a Wadah)."""

    BELOW_TARGET = "below_target"
    AGREEMENT_ENDED = "agreement_ended"
    FRAUD = "fraud"
    OWN_REQUEST = "own_request"
    OTHER = "other"


class WadahNotFound(NotFound):
    code = "wadah_not_found"
    text = "There is no such wadah, or you may not see it."
    text_id = "Wadah tidak ditemukan, atau Anda tidak berwenang melihatnya."


class WadahTerminated(Conflict):
    code = "wadah_terminated"
    text = "This wadah was terminated."
    text_id = "Wadah ini sudah diberhentikan."


class WadahNotActive(Conflict):
    """`details["reason"]` is `terminated` or `no_agreement_in_force`."""

    code = "wadah_not_active"
    text = "This wadah is not active: it was terminated, or it has no agreement for today."
    text_id = (
        "Wadah ini tidak aktif: sudah diberhentikan, atau tidak ada PKS yang berlaku hari ini."
    )


class AgreementNumberTaken(Conflict):
    code = "agreement_number_taken"
    text = "This wadah already has an agreement with this number."
    text_id = "Wadah ini sudah memiliki PKS dengan nomor tersebut."


class AgreementEndsBeforeStart(Invalid):
    code = "agreement_ends_before_start"
    text = "The agreement ends before it starts. Correct the dates."
    text_id = "Tanggal akhir PKS lebih awal dari tanggal mulai. Perbaiki tanggalnya."


class AgreementTooLong(Invalid):
    """`details` holds `max_years` and `last_day`, the latest end that is allowed."""

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


@dataclass(frozen=True, slots=True)
class Caution:
    """Something an officer should see; nothing is refused because of it."""

    code: str
    minimum: int | None = None
    found: int | None = None


def last_day_allowed(starts_on: date, max_years: int) -> date:
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
    last_day = last_day_allowed(period.starts_on, terms.max_years)
    if period.ends_on > last_day:
        raise AgreementTooLong(
            field=field, max_years=terms.max_years, last_day=last_day.isoformat()
        )


def inactive_because(state: WadahState, agreements: Iterable[Period], on: date) -> str | None:
    """Return why a wadah is not active on a day, or None when it is.

    It is active only while an agreement covers the day and it has not been terminated.
    """
    if state is WadahState.TERMINATED:
        return WadahState.TERMINATED.value
    if not any(period.covers(on) for period in agreements):
        return NO_AGREEMENT
    return None


def check_active(state: WadahState, agreements: Iterable[Period], on: date) -> None:
    """Raises: WadahNotActive with the reason."""
    reason = inactive_because(state, agreements, on)
    if reason is not None:
        raise WadahNotActive(reason=reason)


def check_next(state: WadahState, to: WadahState) -> None:
    """Raises: WadahTerminated when the wadah cannot go to that state."""
    if to not in NEXT[state]:
        raise WadahTerminated


def check_takes_agreements(state: WadahState) -> None:
    """Raises: WadahTerminated; a terminated wadah signs no further agreement."""
    if state is WadahState.TERMINATED:
        raise WadahTerminated


def cautions(
    *, state: WadahState, agreements: Iterable[Period], agent_count: int, on: date, schemes: Schemes
) -> tuple[Caution, ...]:
    """Return what an officer should know: too few agents, no agreement in force."""
    if state is WadahState.TERMINATED:
        return ()
    found = []
    minimum = schemes.on(on).min_agents
    if inactive_because(state, agreements, on) is not None:
        found.append(Caution(NO_AGREEMENT))
    if agent_count < minimum:
        found.append(Caution(TOO_FEW_AGENTS, minimum=minimum, found=agent_count))
    return tuple(found)
