from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Date, Uuid, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs.models import WadahMove
from agent_service.agent_wadahs.rules import LIVE, WadahMoveStatus
from perisai_kit.domain import clock


def today() -> ColumnElement[date]:
    """Return the day of the query as a parameter, read when the query runs."""
    return bindparam("today", callable_=clock.today, type_=Date(), unique=True)


def has_begun() -> ColumnElement[bool]:
    """Return the condition of moves that have taken effect."""
    return (WadahMove.status == WadahMoveStatus.APPROVED) & (WadahMove.from_date <= today())


def wadah_of_today(agent_id: Any, first_wadah_id: Any) -> ColumnElement[UUID]:
    """Return the wadah of an agent today: perisai_kit.domain.at_work.find_wadah in SQL.

    first_wadah_id: the wadah at the activation.
    """
    latest = (
        select(WadahMove.wadah_id)
        .where(WadahMove.agent_id == agent_id, has_begun())
        .order_by(WadahMove.from_date.desc())
        .limit(1)
        .correlate_except(WadahMove)
        .scalar_subquery()
    )
    return func.coalesce(latest, first_wadah_id)


def is_among_arrived(agent_id: Any, wadah_id: UUID | None) -> ColumnElement[bool]:
    """Return the condition that an agent has once moved to a wadah, for an index on the agent."""
    arrived = select(WadahMove.agent_id).where(WadahMove.wadah_id == wadah_id, has_begun())
    ids = func.array(arrived.scalar_subquery(), type_=ARRAY(Uuid()))
    found: ColumnElement[bool] = agent_id == any_(ids)
    return found


async def lock_coming(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[WadahMove]:
    """Lock and return the proposed and planned moves that meet the conditions, by id."""
    chosen = (
        select(WadahMove)
        .where(WadahMove.status.in_(LIVE), WadahMove.from_date > today(), *conditions)
        .order_by(WadahMove.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(chosen))


async def find_live(session: AsyncSession, agent_id: UUID) -> WadahMove | None:
    """Return the planned move of an agent, or an undecided one, whatever its first day."""
    is_coming = (WadahMove.status == WadahMoveStatus.APPROVED) & (WadahMove.from_date > today())
    is_undecided = WadahMove.status == WadahMoveStatus.PROPOSED
    chosen = select(WadahMove).where(WadahMove.agent_id == agent_id, is_coming | is_undecided)
    return await session.scalar(chosen.order_by(WadahMove.id).limit(1))


async def find_planned(session: AsyncSession, agent_id: UUID) -> WadahMove | None:
    """Return the approved move of an agent that has not begun."""
    chosen = select(WadahMove).where(
        WadahMove.agent_id == agent_id,
        WadahMove.status == WadahMoveStatus.APPROVED,
        WadahMove.from_date > today(),
    )
    return await session.scalar(chosen.order_by(WadahMove.from_date).limit(1))


async def list_uncounted(session: AsyncSession, limit: int) -> Sequence[WadahMove]:
    """Return moves that have begun since the agents of their wadahs were counted."""
    chosen = select(WadahMove).where(has_begun(), ~WadahMove.is_counted)
    return (await session.scalars(chosen.order_by(WadahMove.from_date).limit(limit))).all()
