from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.attributions.models import Attribution
from perisai_kit.db.bulk import any_id, insert_rows_statement


async def insert_attributions(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert_rows_statement(Attribution, rows))


async def find_attribution(session: AsyncSession, attribution_id: UUID) -> Attribution | None:
    return await session.get(Attribution, attribution_id)


async def list_attributions(
    session: AsyncSession, member_id: UUID, *, limit: int
) -> Sequence[Attribution]:
    query = select(Attribution).where(Attribution.member_id == member_id)
    newest_first = query.order_by(Attribution.made_at.desc(), Attribution.id.desc())
    return (await session.scalars(newest_first.limit(limit))).all()


async def list_standing(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[Attribution]]:
    """Return, by member, the attributions that were not withdrawn."""
    query = select(Attribution).where(
        Attribution.member_id == any_id(member_ids), Attribution.withdrawn_at.is_(None)
    )
    found: dict[UUID, list[Attribution]] = {}
    for row in await session.scalars(query.execution_options(populate_existing=True)):
        found.setdefault(row.member_id, []).append(row)
    return found


async def list_members_named(session: AsyncSession, agent_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return the members with an attribution to one of these agents that was not withdrawn."""
    query = select(Attribution.member_id).where(
        Attribution.agent_id == any_id(agent_ids), Attribution.withdrawn_at.is_(None)
    )
    return (await session.scalars(query.distinct())).all()


async def list_book(session: AsyncSession, agent_id: UUID, *, on: date) -> Sequence[UUID]:
    """Return the members whose decision in force on a day names the agent, at work or not."""
    query = (
        select(AttributionPeriodRow.member_id)
        .join(Attribution, Attribution.id == AttributionPeriodRow.attribution_id)
        .where(
            AttributionPeriodRow.member_id == Attribution.member_id,  # found by their key
            Attribution.agent_id == agent_id,
            AttributionPeriodRow.from_date <= on,
            AttributionPeriodRow.until_date > on,
        )
    )
    return (await session.scalars(query)).all()


async def list_planned_of(
    session: AsyncSession, handover_id: UUID, *, after: date
) -> Sequence[UUID]:
    """Return the members for whom a hand-over of a book is planned and not withdrawn."""
    query = select(Attribution.member_id).where(
        is_of_handover(handover_id),
        Attribution.from_date > after,
        Attribution.withdrawn_at.is_(None),
    )
    return (await session.scalars(query)).all()


async def withdraw(
    session: AsyncSession,
    condition: ColumnElement[bool],
    *,
    after: date,
    by: UUID,
    at: datetime,
) -> Sequence[UUID]:
    """Withdraw attributions that begin after a day; return their members."""
    statement = (
        update(Attribution)
        .where(condition, Attribution.from_date > after, Attribution.withdrawn_at.is_(None))
        .values(withdrawn_by=by, withdrawn_at=at)
        .returning(Attribution.member_id)
        .execution_options(synchronize_session=False)
    )
    return (await session.scalars(statement)).all()


def has_id(ids: Collection[UUID]) -> ColumnElement[bool]:
    return Attribution.id == any_id(ids)


def is_of_handover(handover_id: UUID) -> ColumnElement[bool]:
    return Attribution.handover_id == handover_id
