"""Decisions on the agent or branch of a member from a day on. Source: docs/domain.md, Care.

A decision is written once. Before it begins it can be withdrawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from member_service.attribution_periods.rules import (
    ONE_DAY,
    AttributionPeriod,
    AttributionReason,
    Decision,
    period_on,
)
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import Conflict, Invalid, NotFound, together
from perisai_kit.domain.month import Month


class AgentUnknown(Conflict):
    code = "agent_unknown"
    text = "There is no active agent with this id in your scope."
    text_id = "Agen tidak ditemukan, tidak aktif, atau di luar wilayah Anda."


class AttributionNotFound(NotFound):
    code = "attribution_not_found"
    text = "This member has no such attribution."
    text_id = "Peserta ini tidak memiliki atribusi dengan ID tersebut."


class AttributionUnchanged(Conflict):
    code = "attribution_unchanged"
    text = "The member already belongs to this agent or branch on that day."
    text_id = "Pada tanggal itu peserta sudah tercatat pada agen atau kantor cabang tersebut."


class AttributionIdTaken(Conflict):
    code = "attribution_id_taken"
    text = "Another attribution has this id. Create a new id."
    text_id = "ID ini sudah dipakai atribusi lain. Buat ID baru."


class AttributionBegun(Conflict):
    code = "attribution_begun"
    text = "This attribution has begun. Hand the member over anew."
    text_id = "Atribusi ini sudah berlaku. Alihkan peserta dengan keputusan baru."


class HandoverPlanned(Conflict):
    """`details`: `attribution_id`, the planned one."""

    code = "handover_planned"
    text = "A hand-over of this member is planned already. Withdraw it first."
    text_id = "Pengalihan peserta ini sudah direncanakan. Batalkan rencana itu terlebih dahulu."


class OwnMembership(Conflict):
    code = "own_membership"
    text = "Agents cannot be their own agent. Choose another agent."
    text_id = "Agen tidak dapat menjadi agen bagi dirinya sendiri. Pilih agen lain."


class FromDateInvalid(Invalid):
    """`details`: `earliest` and `latest`, the first and last possible day."""

    code = "from_date_invalid"
    text = "A planned hand-over begins on the first of a coming month, at most a year ahead."
    text_id = (
        "Pengalihan yang direncanakan dimulai tanggal 1 bulan mendatang, paling lama setahun ke "
        "depan."
    )


class ReasonReserved(Invalid):
    code = "reason_reserved"
    text = "Only the platform gives this reason. Choose another one."
    text_id = "Alasan ini hanya diberikan oleh sistem. Pilih alasan lain."


DECIDED = (
    AttributionReason.AGENT_LEFT,
    AttributionReason.MEMBER_ASKED,
    AttributionReason.CORRECTION,
    AttributionReason.BRANCH_DECISION,
)
"""The reasons an officer may give."""

MONTHS_AHEAD = 12
"""How far ahead a hand-over can be planned. Our own choice."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a hand-over begins. at_once: the former agent loses sight of the member now."""

    from_date: date
    at_once: bool


def find_start(from_date: date | None, *, today: date) -> Start:
    """Return when a hand-over begins: at once, which is 00:00 tomorrow, or as planned.

    from_date: the first of a coming month; None: at once.
    Raises: FromDateInvalid.
    """
    if from_date is None:
        return Start(today + ONE_DAY, at_once=True)
    earliest = Month.of(today).plus(1).first_day
    latest = Month.of(today).plus(MONTHS_AHEAD).first_day
    if from_date.day != 1 or not earliest <= from_date <= latest:
        raise FromDateInvalid(field="from_date", earliest=str(earliest), latest=str(latest))
    return Start(from_date, at_once=False)


class Asked(Protocol):
    """A hand-over that is asked for; None: not known, because it is missing or unreadable."""

    @property
    def from_date(self) -> date | None: ...
    @property
    def reason(self) -> AttributionReason | None: ...


def find_problems(asked: Asked, *, today: date) -> list[Invalid]:
    """Return what is wrong with a hand-over that needs nothing but the request and the day."""
    found: list[Invalid] = []
    try:
        find_start(asked.from_date, today=today)
    except FromDateInvalid as error:
        found.append(error)
    if asked.reason is not None and asked.reason not in DECIDED:
        found.append(ReasonReserved(field="reason"))
    return found


def check(asked: Asked, *, today: date) -> None:
    """Check a hand-over that is asked for. Raises: FromDateInvalid, ReasonReserved."""
    if found := find_problems(asked, today=today):
        raise together(found)


def may_hand_to(officer: Principal, branch_code: str, region_code: str) -> bool:
    """Tell whether an officer may hand members to the agents of a branch."""
    if officer.has(Role.ADMIN) and officer.scope is None:
        return True
    return officer.covers(branch_code=branch_code, region_code=region_code)


def list_planned(decisions: Iterable[Decision], *, today: date) -> list[Decision]:
    """Return the planned decisions that have not begun; a take-over is not planned."""
    return [each for each in decisions if each.from_date > today and not each.at_once]


def find_obstacle(
    periods: Sequence[AttributionPeriod],
    planned: Sequence[Decision],
    *,
    agent_id: UUID | None,
    is_own: bool,
    start: Start,
) -> Conflict | None:
    """Return why a member cannot be handed over, or None. is_own: the agent is this member."""
    if is_own:
        return OwnMembership(field="agent_id")
    if planned and not start.at_once:
        return HandoverPlanned(attribution_id=str(planned[0].id))
    if period_on(periods, start.from_date).place.agent_id == agent_id:
        return AttributionUnchanged()
    return None
