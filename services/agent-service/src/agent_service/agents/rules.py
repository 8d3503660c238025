"""Rules for agents in office: status by day, decisions, reinstatement, codes.

Source: docs/domain.md, Deactivation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import at_work
from perisai_kit.domain.errors import Conflict, Forbidden, NotFound
from perisai_kit.domain.month import Month

CODE_PREFIX = "PRS-"
CODE_DIGITS = 7


class AgentStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DISMISSED = "dismissed"


NEXT: Mapping[AgentStatus, frozenset[AgentStatus]] = {
    AgentStatus.ACTIVE: frozenset({AgentStatus.SUSPENDED, AgentStatus.DISMISSED}),
    AgentStatus.SUSPENDED: frozenset({AgentStatus.ACTIVE, AgentStatus.DISMISSED}),
    AgentStatus.DISMISSED: frozenset(),
}


class SuspensionReason(StrEnum):
    """A source names only inactivity; the other reasons are ours."""

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


FOR_CAUSE = frozenset(DismissalReason(reason) for reason in at_work.DISMISSED_FOR_CAUSE)
"""After these the person never becomes an agent again."""


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


class AgentStatusConflict(Conflict):
    """`details` holds `status`, the present status, and `to`, the requested one."""

    code = "agent_status"
    text = "The status of the agent does not allow this change. Read the agent again."
    text_id = "Status agen saat ini tidak memungkinkan perubahan ini. Muat ulang data agen."


class ReinstatementTooEarly(Conflict):
    """`details["not_before"]` is the first day on which the person may be an agent again."""

    code = "reinstatement_too_early"
    text = (
        "This person was suspended for inactivity and cannot be an agent again yet. Wait until "
        "the day in not_before."
    )
    text_id = (
        "Orang ini pernah diberhentikan sementara karena tidak aktif dan belum dapat menjadi agen "
        "lagi. Tunggu sampai tanggal di not_before."
    )


class AgentExists(Conflict):
    """The same for active, waiting and dismissed agents: other people must not learn which."""

    code = "agent_exists"
    text = "This person is or was an agent and cannot be registered as one now. Ask the branch."
    text_id = (
        "Orang ini sudah atau pernah menjadi agen, jadi saat ini tidak dapat didaftarkan sebagai "
        "agen. Tanyakan ke kantor cabang."
    )


def check_next(status: AgentStatus, to: AgentStatus) -> None:
    """Check that an agent can go from `status` to `to`. Raises: AgentStatusConflict."""
    if to not in NEXT[status]:
        raise AgentStatusConflict(status=status.value, to=to.value)


@dataclass(frozen=True, slots=True)
class Decision:
    """An entry of an agent's history: the status from this instant on."""

    decided_at: datetime
    status: AgentStatus


def is_at_work(decisions: Iterable[Decision], day: date) -> bool:
    """Tell whether an agent is at work on a Jakarta day. decisions: all of the agent."""
    changes = ((each.decided_at, each.status is AgentStatus.ACTIVE) for each in decisions)
    return at_work.is_at_work(changes, day)


KNOW_AGENTS = (Role.ADMIN, Role.BRANCH_OFFICER, Role.FINANCE_OFFICER)
"""The offices that see the whole names of the agents of their scope."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who an agent is and where: what decides who sees the name."""

    agent_id: UUID
    account_id: UUID
    wadah_id: UUID
    branch_code: str
    region_code: str


def may_name(reader: Principal, place: Place) -> bool:
    """Tell whether the reader may see the whole name of an agent whom they may see.

    Their own, an agent of their wadah, or as an office within its scope; auditors see it masked.
    """
    is_own = reader.account_id == place.account_id or (
        reader.has(Role.AGENT) and reader.agent_id == place.agent_id
    )
    is_of_wadah = reader.has(Role.WADAH_ADMIN) and reader.wadah_id == place.wadah_id
    is_office = reader.has(*KNOW_AGENTS) and reader.covers(
        branch_code=place.branch_code, region_code=place.region_code
    )
    return is_own or is_of_wadah or is_office


@dataclass(frozen=True, slots=True)
class Person:
    """The identities of a person, from a token or a record."""

    account_id: UUID
    member_ids: frozenset[UUID] = frozenset()
    agent_id: UUID | None = None


def check_not_own(subject: Person, *, by: Person) -> None:
    """Check that officers do not decide about themselves, under any of their accounts.

    Raises: OwnCase.
    """
    same_agent = subject.agent_id is not None and subject.agent_id == by.agent_id
    same_member = not subject.member_ids.isdisjoint(by.member_ids)
    if subject.account_id == by.account_id or same_agent or same_member:
        raise OwnCase


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the month's last day where there is no such day."""
    month = Month.of(day).plus(months)
    return month.first_day.replace(day=min(day.day, month.last_day.day))


def find_reinstatement_day(reason: SuspensionReason, on: date, wait_months: int) -> date | None:
    """Return the first possible day of a reinstatement; None if there is no wait.

    Only a suspension for inactivity has one, of 6 months.
    Source: docs/domain.md, Deactivation (S5, S20).
    """
    return add_months(on, wait_months) if reason is SuspensionReason.INACTIVITY else None


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One record of a person as an agent. A person never has two at the same time.

    not_before: the end of the wait after inactivity. It binds the person: no dismissal, suspension,
    application, wadah or branch shortens it.
    """

    account_id: UUID
    status: AgentStatus
    reason_code: str | None
    not_before: date | None


def find_later(one: date | None, other: date | None) -> date | None:
    """Return the later end of two waits; None if there is no wait."""
    return max((each for each in (one, other) if each is not None), default=None)


def check_wait(records: Iterable[AgentRecord], today: date) -> None:
    """Check that no wait after inactivity binds the person.

    records: all of the person. Raises: ReinstatementTooEarly.
    """
    waits = [each.not_before for each in records if each.not_before is not None]
    not_before = max(waits, default=None)
    if not_before is not None and today < not_before:
        raise ReinstatementTooEarly(not_before=not_before.isoformat())


def check_new_registration(records: Iterable[AgentRecord], today: date) -> None:
    """Check that a person with these earlier records may become an agent.

    A suspended agent is reinstated and not registered again. A person dismissed for cause never
    returns. After inactivity the person waits.
    Raises: AgentExists, ReinstatementTooEarly.
    """
    known = list(records)
    if any(_is_blocking(each) for each in known):
        raise AgentExists
    check_wait(known, today)


def _is_blocking(record: AgentRecord) -> bool:
    if record.status is not AgentStatus.DISMISSED:
        return True
    return record.reason_code in {reason.value for reason in FOR_CAUSE}


def make_agent_code(number: int) -> str:
    """Return the agent's code, such as `PRS-0000018`: seven digits, the last a check digit (Luhn).

    The format is ours: no source gives the official one. number: 1 to 999,999.
    """
    assert 1 <= number < 10 ** (CODE_DIGITS - 1), "the numbers have run out"
    digits = f"{number:0{CODE_DIGITS - 1}d}"
    return f"{CODE_PREFIX}{digits}{check_digit(digits)}"


def make_assignment_letter_number(code: str, on: date) -> str:
    """Return a number for an assignment letter without one; the format is ours."""
    return f"ST/{code}/{on.year}"


def check_digit(digits: str) -> int:
    """Return the Luhn check digit. It detects each wrong digit and most swaps of neighbours."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


@dataclass(frozen=True, slots=True, repr=False)
class Appointment:
    """The facts of a new agent, from an approved application. No repr: it names a person."""

    application_id: UUID
    account_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: str
    region_code: str
    nik: str
    full_name: str
    assignment_letter_number: str | None
