from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions.models import Attribution, KnownAgent


async def insert_attributions(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(Attribution), list(rows))


async def find_attribution(session: AsyncSession, attribution_id: UUID) -> Attribution | None:
    return await session.get(Attribution, attribution_id)


async def list_attributions(
    session: AsyncSession, member_id: UUID, *, limit: int
) -> Sequence[Attribution]:
    query = select(Attribution).where(Attribution.member_id == member_id)
    newest_first = query.order_by(Attribution.made_at.desc(), Attribution.id.desc())
    return (await session.scalars(newest_first.limit(limit))).all()


async def find_agent(session: AsyncSession, agent_id: UUID) -> KnownAgent | None:
    return await session.get(KnownAgent, agent_id)


async def upsert_agent(session: AsyncSession, row: dict[str, Any]) -> None:
    statement = insert_or_skip(KnownAgent).values(row)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[KnownAgent.agent_id], set_=row)
    )


async def set_agent_away(session: AsyncSession, agent_id: UUID) -> None:
    await session.execute(
        update(KnownAgent).where(KnownAgent.agent_id == agent_id).values(is_at_work=False)
    )
