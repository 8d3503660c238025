"""What is true of an agent in office: states, who may decide, codes.

Source: docs/domain.md, Deactivation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound
from perisai_kit.domain.month import Month

CODE_PREFIX = "PRS-"
CODE_DIGITS = 7


class AgentState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DISMISSED = "dismissed"


NEXT: Mapping[AgentState, frozenset[AgentState]] = {
    AgentState.ACTIVE: frozenset({AgentState.SUSPENDED, AgentState.DISMISSED}),
    AgentState.SUSPENDED: frozenset({AgentState.ACTIVE, AgentState.DISMISSED}),
    AgentState.DISMISSED: frozenset(),
}


class SuspensionReason(StrEnum):
    """Only inactivity is named by a source; the other reasons are ours."""

    INACTIVITY = "inactivity"
    INVESTIGATION = "investigation"
    OWN_REQUEST = "own_request"
    WADAH_NOT_ACTIVE = "wadah_not_active"
    OTHER = "other"


class DismissalReason(StrEnum):
    """Fraud, crime and gratification end the cooperation at once and with all rights (S20)."""

    FRAUD = "fraud"
    CRIME = "crime"
    GRATIFICATION = "gratification"
    RESIGNATION = "resignation"
    DEATH = "death"
    OTHER = "other"


FOR_CAUSE = frozenset({DismissalReason.FRAUD, DismissalReason.CRIME, DismissalReason.GRATIFICATION})
"""After these nobody becomes an agent again."""


class AgentNotFound(NotFound):
    code = "agent_not_found"
    text = "There is no such agent, or you may not see it."
    text_id = "Agen tidak ditemukan, atau Anda tidak berwenang melihatnya."


class OwnCase(Forbidden):
    code = "own_case"
    text = "You cannot decide about yourself. Another officer must decide."
    text_id = (
        "Anda tidak dapat mengambil keputusan atas diri sendiri. Harus diputuskan petugas lain."
    )


class AgentStateConflict(Conflict):
    """`details` holds `state`, the present one, and `to`, the one that was asked for."""

    code = "agent_state"
    text = "The status of the agent does not allow this change. Read the agent again."
    text_id = "Status agen saat ini tidak memungkinkan perubahan ini. Muat ulang data agen."


class ReinstatementTooEarly(Conflict):
    """`details["not_before"]` is the first day on which it is possible."""

    code = "reinstatement_too_early"
    text = "An agent who was suspended for inactivity cannot be reinstated yet."
    text_id = "Agen yang diberhentikan sementara karena tidak aktif belum dapat diaktifkan kembali."


class AgentExists(Conflict):
    """The same for an active and a dismissed agent: a stranger must not learn which."""

    code = "agent_exists"
    text = "This person is or was an agent and cannot be registered as one again."
    text_id = (
        "Orang ini sudah atau pernah menjadi agen, jadi tidak dapat didaftarkan lagi sebagai agen."
    )


def check_next(state: AgentState, to: AgentState) -> None:
    """Raises: AgentStateConflict when the agent cannot go from `state` to `to`."""
    if to not in NEXT[state]:
        raise AgentStateConflict(state=state.value, to=to.value)


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, as far as a token or a record tells."""

    account_id: UUID
    member_ids: frozenset[UUID] = frozenset()
    agent_id: UUID | None = None


def check_not_own(subject: Person, *, by: Person) -> None:
    """Check that nobody decides about himself, under whichever of his accounts.

    Raises: OwnCase.
    """
    same_agent = subject.agent_id is not None and subject.agent_id == by.agent_id
    same_member = not subject.member_ids.isdisjoint(by.member_ids)
    if subject.account_id == by.account_id or same_agent or same_member:
        raise OwnCase


def months_later(day: date, months: int) -> date:
    """Return the same day `months` later, or the month's last day where there is no such day."""
    month = Month.of(day).plus(months)
    return month.first_day.replace(day=min(day.day, month.last_day.day))


def reinstatement_from(reason: SuspensionReason, on: date, wait_months: int) -> date | None:
    """Return the first day of a possible reinstatement; None when there is no wait.

    Only a suspension for inactivity has one, of 6 months.
    Source: docs/domain.md, Deactivation (S5, S20).
    """
    return months_later(on, wait_months) if reason is SuspensionReason.INACTIVITY else None


def check_reinstatement(not_before: date | None, today: date) -> None:
    """Raises: ReinstatementTooEarly."""
    if not_before is not None and today < not_before:
        raise ReinstatementTooEarly(not_before=not_before.isoformat())


def blocks_new_registration(state: AgentState, reason_code: str | None) -> bool:
    """Tell whether an earlier agent record keeps the person from becoming an agent.

    A suspended agent is reinstated, not registered anew; somebody dismissed for cause never is.
    """
    if state is not AgentState.DISMISSED:
        return True
    return reason_code is not None and reason_code in {reason.value for reason in FOR_CAUSE}


def agent_code(number: int) -> str:
    """Return the agent's code, such as `PRS-0000018`: seven digits, the last a check digit (Luhn).

    The format is ours: no source gives the official one. number: 1 to 999,999.
    """
    assert 1 <= number < 10 ** (CODE_DIGITS - 1), "the numbers have run out"
    digits = f"{number:0{CODE_DIGITS - 1}d}"
    return f"{CODE_PREFIX}{digits}{check_digit(digits)}"


def assignment_letter_number(code: str, on: date) -> str:
    """Return a number for an assignment letter whose wadah gave it none; the format is ours."""
    return f"ST/{code}/{on.year}"


def check_digit(digits: str) -> int:
    """Return the Luhn check digit: it finds every wrong digit and most swapped neighbours."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


@dataclass(frozen=True, slots=True, repr=False)
class Appointment:
    """What an approved application says of the agent to be. No repr: it names a person."""

    application_id: UUID
    account_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: str
    region_code: str
    nik: str
    full_name: str
    bank_code: str
    account_no: str
    account_holder_name: str
    assignment_letter_number: str | None
