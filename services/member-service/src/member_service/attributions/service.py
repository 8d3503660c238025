"""Attribute members at enrolment, and by hand-overs of one member or of a book."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import service as attribution_periods
from member_service.attribution_periods.models import AttributionPeriodRow, KnownAgent
from member_service.attribution_periods.rules import (
    AttributionReason,
    Decision,
    Place,
    judge_attributions,
    period_on,
)
from member_service.attribution_periods.service import Subject
from member_service.attributions import queries, rules
from member_service.attributions.models import Attribution
from member_service.attributions.rules import AgentUnknown, Start
from member_service.attributions.schemas import NewAttribution
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import MemberNotFound, Stamp
from member_service.registrations import service as registrations
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentDecided, AgentMoved
from perisai_kit.privacy.read_audit import audit_read

ATTRIBUTIONS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Target:
    """The agent who receives members; no agent: the branch of each member."""

    agent: KnownAgent | None

    @property
    def agent_id(self) -> UUID | None:
        return self.agent.agent_id if self.agent else None

    def place_of(self, present: Place) -> Place:
        """Return the new place of a member who is in this place now."""
        if self.agent is None:
            return present.branch
        agent = self.agent
        return Place(agent.agent_id, agent.wadah_id, agent.branch_code, agent.region_code)


@dataclass(frozen=True, slots=True)
class HandOver:
    """A decision on members. handover_id: the hand-over of a book; None for one member."""

    target: Target
    start: Start
    reason: AttributionReason
    made_by: UUID
    made_at: datetime
    handover_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgentContact:
    """How a member reaches an agent: what the agent's own record as a member says."""

    agent_id: UUID
    full_name: str
    phone: str


@dataclass(frozen=True, slots=True)
class OwnAttribution:
    """A member, and the agent who cares for the member now; None: the branch."""

    member: Member
    contact: AgentContact | None


@dataclass(frozen=True, slots=True)
class Examined:
    """Members who can be handed over, with their place on that day; the obstacles of others."""

    places: Mapping[UUID, Place]
    obstacles: Mapping[UUID, Conflict]
    planned: Sequence[UUID]


async def record_first(session: AsyncSession, enrolled: Mapping[UUID, UUID], stamp: Stamp) -> None:
    """Attribute new members to the agent who enrolled them, else to the branch; at least one.

    enrolled: member id → id of the attribution.
    """
    place = Place(stamp.agent_id, stamp.wadah_id, stamp.branch_code, stamp.region_code)
    await attribution_periods.lock_agent(session, stamp.agent_id)
    reason = AttributionReason.ENROLLED
    first = HandOver(
        Target(None), Start(stamp.on, at_once=False), reason, stamp.account_id, stamp.at
    )
    rows = [
        _make_attribution_row(attribution_id, member_id, place, first)
        for member_id, attribution_id in enrolled.items()
    ]
    await queries.insert_attributions(session, rows)
    subjects = [
        Subject(
            member_id,
            stamp.at,
            [Decision(attribution_id, place, stamp.on, False, reason, stamp.at)],
        )
        for member_id, attribution_id in enrolled.items()
    ]
    await attribution_periods.record(session, subjects)


async def change(
    session: AsyncSession, *, member_id: UUID, new: NewAttribution, officer: Principal
) -> Attribution:
    """Hand a member over to another agent or to the branch. A repeat changes nothing.

    A take-over is at once and withdraws planned hand-overs.
    Raises: MemberNotFound, AgentUnknown, AttributionUnchanged, AttributionIdTaken,
    HandoverPlanned, OwnMembership, FromDateInvalid, ReasonReserved.
    """
    await attribution_periods.lock_agent(session, new.agent_id)
    member = await members.lock(session, member_id=member_id, viewer=officer)
    attribution_id = new.id or new_id()
    first = await queries.find_attribution(session, attribution_id)
    if first is not None:
        return _check_same(first, member_id, new)
    now = clock.now()
    rules.check(new, today=clock.today())
    start = rules.find_start(new.from_date, today=clock.today())
    target = await find_target(session, new.agent_id, officer)
    made = HandOver(target, start, new.reason, officer.account_id, now)
    examined = await examine(session, [member.id], target, start)
    if examined.obstacles:
        raise examined.obstacles[member.id]
    await hand_over(session, examined, made, ids={member.id: attribution_id})
    await session.refresh(member, ["attribution_periods"])
    attribution = await queries.find_attribution(session, attribution_id)
    assert attribution is not None
    return attribution


def _check_same(first: Attribution, member_id: UUID, new: NewAttribution) -> Attribution:
    from_date = None if first.at_once else first.from_date
    asked = (member_id, new.agent_id, new.from_date, new.reason)
    if (first.member_id, first.agent_id, from_date, first.reason) != asked:
        raise rules.AttributionIdTaken(field="id")
    return first


async def find_target(
    session: AsyncSession, agent_id: UUID | None, officer: Principal, *, field: str = "agent_id"
) -> Target:
    """Lock the agent and return the target, if the officer may hand members to the agent.

    field: the request's field that names the agent.
    Raises: AgentUnknown.
    """
    if agent_id is None:
        return Target(None)
    agent = await attribution_periods.find_agent_at_work(session, agent_id)
    if agent is None:
        raise AgentUnknown(field=field)
    if not rules.may_hand_to(officer, agent.branch_code, agent.region_code):
        raise AgentUnknown(field=field)
    return Target(agent)


async def examine(
    session: AsyncSession, member_ids: Collection[UUID], target: Target, start: Start
) -> Examined:
    """Return which members can be handed over in this way. Nothing is written."""
    subjects = await _list_subjects(session, member_ids)
    agents = await attribution_periods.list_agents(session, _collect_agent_ids(subjects))
    today = clock.today()
    places: dict[UUID, Place] = {}
    obstacles: dict[UUID, Conflict] = {}
    planned: list[UUID] = []
    for each in subjects:
        coming = rules.list_planned(each.decisions, today=today)
        # A take-over withdraws planned hand-overs, so it is judged without them.
        left = [one for one in each.decisions if one not in coming or not start.at_once]
        periods = judge_attributions(each.member_id, left, agents=agents, passes_on=each.passes_on)
        obstacle = rules.find_obstacle(
            periods,
            coming,
            agent_id=target.agent_id,
            is_own=target.agent is not None and target.agent.member_id == each.member_id,
            start=start,
        )
        if obstacle is not None:
            obstacles[each.member_id] = obstacle
            continue
        places[each.member_id] = period_on(periods, start.from_date).place
        planned += [decision.id for decision in coming]
    return Examined(places, obstacles, planned)


async def hand_over(
    session: AsyncSession,
    examined: Examined,
    made: HandOver,
    *,
    ids: Mapping[UUID, UUID] | None = None,
) -> None:
    """Hand over the examined members, who are locked. ids: member → id of the attribution.

    No payment of theirs has been answered for a day that begins meanwhile.
    """
    if not examined.places:
        return
    if examined.planned:
        await queries.withdraw(
            session,
            queries.has_id(examined.planned),
            after=clock.today(),
            by=made.made_by,
            at=made.made_at,
        )
    rows = [
        _make_attribution_row(
            ids[member_id] if ids else new_id(),
            member_id,
            made.target.place_of(present),
            made,
        )
        for member_id, present in examined.places.items()
    ]
    await queries.insert_attributions(session, rows)
    await record_periods(session, examined.places)


async def withdraw(
    session: AsyncSession, *, member_id: UUID, attribution_id: UUID, officer: Principal
) -> Attribution:
    """Withdraw an attribution before it begins; a repeat changes nothing.

    Raises: MemberNotFound, AttributionNotFound, AttributionBegun.
    """
    member = await members.lock(session, member_id=member_id, viewer=officer)
    attribution = await queries.find_attribution(session, attribution_id)
    if attribution is None or attribution.member_id != member.id:
        raise rules.AttributionNotFound
    if attribution.withdrawn_at is None:
        if attribution.from_date <= clock.today():
            raise rules.AttributionBegun
        attribution.withdrawn_by, attribution.withdrawn_at = officer.account_id, clock.now()
        await session.flush()
        await record_periods(session, [member.id])
        await session.refresh(member, ["attribution_periods"])
    return attribution


async def withdraw_handover(
    session: AsyncSession, handover_id: UUID, *, officer: Principal, after: date
) -> bool:
    """Withdraw the attributions of a hand-over of a book that begin after a day.

    Do nothing and return False if some of its members are outside the officer's scope.
    """
    found = await queries.list_planned_of(session, handover_id, after=after)
    if len(await members.lock_visible(session, found, viewer=officer)) < len(found):
        return False
    touched = await queries.withdraw(
        session,
        queries.is_of_handover(handover_id),
        after=after,
        by=officer.account_id,
        at=clock.now(),
    )
    if touched:
        await record_periods(session, touched)
    return True


async def list_(
    session: AsyncSession, *, member_id: UUID, viewer: Principal
) -> tuple[Sequence[Attribution], Sequence[AttributionPeriodRow]]:
    """Return a member's attributions, the newest first, and the resulting periods.

    Raises: MemberNotFound.
    """
    member = await members.see(session, member_id=member_id, viewer=viewer)
    found = await queries.list_attributions(session, member_id, limit=ATTRIBUTIONS_SHOWN)
    return found, member.attribution_periods


async def find_own(session: AsyncSession, *, viewer: Principal) -> OwnAttribution:
    """Return the reader's own membership and agent, and record that the agent is read.

    An agent who is not at work is left out. Raises: MemberNotFound.
    """
    if viewer.member_id is None:
        raise MemberNotFound
    member = await members.see(session, member_id=viewer.member_id, viewer=viewer)
    agent_id = member.acting_agent_id
    agent = agent_id and await attribution_periods.find_agent_at_work(session, agent_id)
    person = await members.find_any(session, agent.member_id) if agent else None
    if not agent or not person:
        return OwnAttribution(member, None)
    audit_read([agent.agent_id, person.id])
    return OwnAttribution(member, AgentContact(agent.agent_id, person.full_name, person.phone))


async def record_periods(session: AsyncSession, member_ids: Collection[UUID]) -> list[UUID]:
    """Judge and record the attribution periods of locked members.

    Return the members whose attribution has changed for today or an earlier day.
    """
    changed = await attribution_periods.record(session, await _list_subjects(session, member_ids))
    return [member_id for member_id, is_known in changed.items() if is_known]


async def list_book(session: AsyncSession, agent_id: UUID) -> Sequence[UUID]:
    """Return the members last given to an agent, even if the agent has left since."""
    return await queries.list_book(session, agent_id, on=clock.today())


async def take_decisions(session: AsyncSession, events: Sequence[AgentDecided]) -> list[UUID]:
    """Record decisions of agent-service on agents, and judge the members concerned.

    Return the members whose attribution has changed for today or an earlier day.
    """
    return await _judge_named(session, await attribution_periods.record_decisions(session, events))


async def take_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> list[UUID]:
    """Record moves of agents to other wadahs, and judge the members concerned.

    Return the members whose attribution has changed for today or an earlier day.
    """
    return await _judge_named(session, await attribution_periods.record_moves(session, events))


async def _judge_named(session: AsyncSession, agent_ids: Collection[UUID]) -> list[UUID]:
    named = await queries.list_members_named(session, agent_ids) if agent_ids else ()
    if not named:
        return []
    await members.lock_birth_dates(session, named)
    return await record_periods(session, named)


async def _list_subjects(session: AsyncSession, member_ids: Collection[UUID]) -> list[Subject]:
    if not member_ids:
        return []
    enrolled = await members.list_enrolled(session, member_ids)
    standing = await queries.list_standing(session, member_ids)
    over = await registrations.list_pass_overs(session, member_ids)
    return [
        Subject(
            member_id,
            enrolled_at,
            [row.decision for row in standing[member_id]],
            over.get(member_id, ()),
        )
        for member_id, enrolled_at in enrolled.items()
    ]


def _collect_agent_ids(subjects: Sequence[Subject]) -> set[UUID]:
    decisions = [each for one in subjects for each in one.decisions]
    return {each.place.agent_id for each in decisions if each.place.agent_id}


def _make_attribution_row(
    attribution_id: UUID, member_id: UUID, place: Place, made: HandOver
) -> dict[str, Any]:
    return {
        "id": attribution_id,
        "member_id": member_id,
        "agent_id": place.agent_id,
        "wadah_id": place.wadah_id,
        "branch_code": place.branch_code,
        "region_code": place.region_code,
        "from_date": made.start.from_date,
        "at_once": made.start.at_once,
        "reason": made.reason,
        "handover_id": made.handover_id,
        "made_by": made.made_by,
        "made_at": made.made_at,
    }
