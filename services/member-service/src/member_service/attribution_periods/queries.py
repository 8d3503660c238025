from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.models import (
    AgentDecision,
    AgentWadahMove,
    AttributionPeriodRow,
    KnownAgent,
)
from member_service.attribution_periods.rules import AttributionPeriod, Place
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.events.catalogue import AgentMoved
from perisai_kit.services.agents.moves import upsert_moves_statement


def is_of(on: date) -> ColumnElement[bool]:
    """Return the condition that a period contains a day."""
    return and_(AttributionPeriodRow.from_date <= on, AttributionPeriodRow.until_date > on)


async def list_periods(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AttributionPeriod]]:
    """Return the periods of members, the earliest first."""
    row = AttributionPeriodRow
    place = (row.agent_id, row.wadah_id, row.branch_code, row.region_code)
    judged = (row.reason, row.attribution_id, row.agent_sees)
    query: Any = select(row.member_id, row.from_date, row.until_date, *place, *judged)
    ordered = query.where(row.member_id == any_id(member_ids)).order_by(row.from_date)
    found: dict[UUID, list[AttributionPeriod]] = {}
    for each in await session.execute(ordered):
        member_id, from_date, until_date, *values = each
        period = AttributionPeriod(from_date, until_date, Place(*values[:4]), *values[4:])
        found.setdefault(member_id, []).append(period)
    return found


async def list_rows(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AttributionPeriodRow]]:
    """Return the rows of these periods."""
    query = select(AttributionPeriodRow).where(AttributionPeriodRow.member_id == any_id(member_ids))
    ordered = query.order_by(AttributionPeriodRow.member_id, AttributionPeriodRow.from_date)
    found: dict[UUID, list[AttributionPeriodRow]] = {}
    for row in await session.scalars(ordered.execution_options(populate_existing=True)):
        found.setdefault(row.member_id, []).append(row)
    return found


async def replace_periods(
    session: AsyncSession, member_ids: Collection[UUID], rows: Sequence[dict[str, Any]]
) -> None:
    """Store these rows instead of all periods of these members."""
    await session.execute(
        delete(AttributionPeriodRow)
        .where(AttributionPeriodRow.member_id == any_id(member_ids))
        .execution_options(synchronize_session=False)
    )
    await session.execute(insert_rows_statement(AttributionPeriodRow, rows))


async def find_agent(session: AsyncSession, agent_id: UUID) -> KnownAgent | None:
    return await session.get(KnownAgent, agent_id)


async def lock_agents(session: AsyncSession, agent_ids: Collection[UUID], *, shared: bool) -> None:
    """Lock agents until the transaction ends: shared to give members to the agent.

    Every transaction locks all its agents at once, before members. So a decision on an agent misses
    no member, and there is no deadlock.
    """
    query = select(KnownAgent.agent_id).where(KnownAgent.agent_id == any_id(agent_ids))
    await session.execute(query.order_by(KnownAgent.agent_id).with_for_update(read=shared))


async def list_agents(session: AsyncSession, agent_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return agent → own member."""
    query = select(KnownAgent.agent_id, KnownAgent.member_id)
    rows = await session.execute(query.where(KnownAgent.agent_id == any_id(agent_ids)))
    return {row.agent_id: row.member_id for row in rows}


async def list_decisions(
    session: AsyncSession, agent_ids: Collection[UUID]
) -> Sequence[AgentDecision]:
    query = select(AgentDecision).where(AgentDecision.agent_id == any_id(agent_ids))
    return (await session.scalars(query.order_by(AgentDecision.decided_at))).all()


async def list_moves(
    session: AsyncSession, agent_ids: Collection[UUID]
) -> Sequence[AgentWadahMove]:
    """Return the moves of these agents between wadahs that stand."""
    query = select(AgentWadahMove).where(
        AgentWadahMove.agent_id == any_id(agent_ids), ~AgentWadahMove.is_cancelled
    )
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def upsert_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> Sequence[UUID]:
    """Store moves; return the agents of those that are new or newly cancelled."""
    stored = upsert_moves_statement(AgentWadahMove, events)
    return (await session.scalars(stored.returning(AgentWadahMove.agent_id))).all()


async def upsert_agent(session: AsyncSession, row: dict[str, Any]) -> None:
    statement = insert_or_skip(KnownAgent).values(row)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[KnownAgent.agent_id], set_=row)
    )


async def insert_once_decisions(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> Sequence[UUID]:
    """Insert decisions; return the agents of those that are new."""
    statement = insert_or_skip(AgentDecision).values(rows).on_conflict_do_nothing()
    return (await session.scalars(statement.returning(AgentDecision.agent_id))).all()
