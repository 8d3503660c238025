"""Attribution of members by day: judged from decisions, recorded and published."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import queries, rules
from member_service.attribution_periods.models import AttributionPeriodRow, KnownAgent
from member_service.attribution_periods.rules import (
    Agent,
    AttributionPeriod,
    Decision,
    DecisionKind,
    judge_attributions,
)
from member_service.updates import service as updates
from perisai_kit.domain import clock
from perisai_kit.domain.at_work import WadahMove
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentAtWork,
    AgentDecided,
    AgentDismissed,
    AgentMoved,
    AgentReinstated,
    AgentSuspended,
    MemberAttributed,
)
from perisai_kit.events.catalogue import AttributionPeriod as AttributionFact
from perisai_kit.events.outbox import publish

COPIED = ("first_unpaid", "ends_on", "end_reason", "unpaid_months")
"""What a period copies of the member's registration."""

DECISIONS: Mapping[type[AgentDecided], DecisionKind] = {
    AgentActivated: DecisionKind.ACTIVATED,
    AgentReinstated: DecisionKind.REINSTATED,
    AgentSuspended: DecisionKind.SUSPENDED,
    AgentDismissed: DecisionKind.DISMISSED,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A member whose attribution is judged."""

    member_id: UUID
    enrolled_at: datetime
    decisions: Sequence[Decision]
    passes_on: Sequence[date] = ()


async def record(session: AsyncSession, subjects: Sequence[Subject]) -> dict[UUID, bool]:
    """Judge the attribution of locked members; record and publish what is new.

    Return, by id, the members whose attribution has changed: True if it changed for today or an
    earlier day.
    """
    agents = await list_agents(
        session,
        {each.place.agent_id for one in subjects for each in one.decisions if each.place.agent_id},
    )
    before = await queries.list_rows(session, [one.member_id for one in subjects])
    today = clock.today()
    changed: dict[UUID, bool] = {}
    rows: list[dict[str, Any]] = []
    events = []
    for one in subjects:
        periods = judge_attributions(
            one.member_id, one.decisions, agents=agents, passes_on=one.passes_on
        )
        recorded = before.get(one.member_id, [])
        earlier = [row.period for row in recorded]
        if list(periods) == earlier:
            continue
        for row in recorded:
            session.expunge(row)
        changed[one.member_id] = _list_places_until(earlier, today) != _list_places_until(
            periods, today
        )
        attribution_no = 1 + max((row.attribution_no for row in recorded), default=0)
        copied = _copy_state(recorded)
        rows += [_make_period_row(one, period, attribution_no) | copied for period in periods]
        events.append(
            MemberAttributed(
                member_id=one.member_id,
                attribution_no=attribution_no,
                periods=facts_from(periods, today),
            )
        )
    if rows:
        await queries.replace_periods(session, changed, rows)
        await updates.touch(session, changed)
        await publish(session, *events)
    return changed


def _list_places_until(
    periods: Sequence[AttributionPeriod], today: date
) -> list[tuple[date, rules.Place]]:
    return [(each.from_date, each.place) for each in periods if each.from_date <= today]


def _copy_state(recorded: Sequence[AttributionPeriodRow]) -> dict[str, Any]:
    """Return the copies of a member's registration; a new member has none yet."""
    if not recorded:
        return dict.fromkeys(COPIED)
    return {name: getattr(recorded[0], name) for name in COPIED}


def _make_period_row(
    subject: Subject, period: AttributionPeriod, attribution_no: int
) -> dict[str, Any]:
    place = period.place
    return {
        "member_id": subject.member_id,
        "from_date": period.from_date,
        "until_date": period.until_date,
        "agent_id": place.agent_id,
        "wadah_id": place.wadah_id,
        "branch_code": place.branch_code,
        "region_code": place.region_code,
        "reason": period.reason,
        "attribution_id": period.attribution_id,
        "agent_sees": period.agent_sees,
        "attribution_no": attribution_no,
        "enrolled_at": subject.enrolled_at,
    }


def facts_from(periods: Sequence[AttributionPeriod], today: date) -> tuple[AttributionFact, ...]:
    """Return the published facts: the period of today and the known later periods."""
    present = rules.period_on(periods, today)
    return tuple(
        AttributionFact(
            from_date=each.from_date,
            agent_id=each.place.agent_id,
            wadah_id=each.place.wadah_id,
            branch_code=each.place.branch_code,
            region_code=each.place.region_code,
            agent_sees=each.agent_sees,
        )
        for each in periods
        if each.from_date >= present.from_date
    )


async def list_agents(session: AsyncSession, agent_ids: Collection[UUID]) -> Mapping[UUID, Agent]:
    """Return what is known of these agents; agents without an event so far are absent."""
    if not agent_ids:
        return {}
    members = await queries.list_agents(session, agent_ids)
    moves: dict[UUID, list[WadahMove]] = {}
    for move in await queries.list_moves(session, agent_ids):
        standing = WadahMove(move.from_date, move.from_wadah_id, move.wadah_id)
        moves.setdefault(move.agent_id, []).append(standing)
    decisions: dict[UUID, list[tuple[datetime, DecisionKind]]] = {}
    for row in await queries.list_decisions(session, agent_ids):
        decisions.setdefault(row.agent_id, []).append((row.decided_at, row.kind))
    return {
        id_: Agent(members.get(id_), made, moves.get(id_, ())) for id_, made in decisions.items()
    }


async def list_periods(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AttributionPeriod]]:
    """Return the recorded attribution periods of these members, the earliest first."""
    return await queries.list_periods(session, member_ids)


async def lock_agent(session: AsyncSession, agent_id: UUID | None) -> None:
    """Lock an agent against decisions while members are given to the agent; None: no agent.

    Call it before any of the members is locked.
    """
    if agent_id is not None:
        await queries.lock_agents(session, [agent_id], shared=True)


async def find_agent_at_work(session: AsyncSession, agent_id: UUID) -> KnownAgent | None:
    """Return an agent who is at work now, according to agent-service."""
    known = await queries.find_agent(session, agent_id)
    agents = await list_agents(session, [agent_id])
    if known is None or agent_id not in agents:
        return None
    return known if max(agents[agent_id].decisions)[1] in rules.AT_WORK else None


async def record_decisions(session: AsyncSession, events: Sequence[AgentDecided]) -> Sequence[UUID]:
    """Record decisions and places of agents; return the agents with new decisions.

    The agents are locked until the transaction ends.
    """
    await queries.lock_agents(session, {event.agent_id for event in events}, shared=False)
    for event in events:
        if isinstance(event, AgentAtWork):
            await queries.upsert_agent(session, _known_agent(event))
    rows = [
        {
            "agent_id": event.agent_id,
            "decided_at": event.decided_at,
            "kind": DECISIONS[type(event)],
        }
        for event in events
    ]
    return await queries.insert_once_decisions(session, rows)


async def record_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> Sequence[UUID]:
    """Record moves of agents to other wadahs; return the agents for whom something is new.

    The agents are locked until the transaction ends.
    """
    await queries.lock_agents(session, {event.agent_id for event in events}, shared=False)
    return await queries.upsert_moves(session, events)


def _known_agent(event: AgentAtWork) -> dict[str, Any]:
    return {
        "agent_id": event.agent_id,
        "member_id": event.member_id,
        "wadah_id": event.wadah_id,
        "branch_code": event.branch_code,
        "region_code": event.region_code,
    }
