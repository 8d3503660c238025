from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.enrolments.models import EnrolmentBatch, EnrolmentRow
from member_service.enrolments.rules import MAX_ROWS


async def find_batch(session: AsyncSession, batch_id: UUID) -> EnrolmentBatch | None:
    return await session.get(EnrolmentBatch, batch_id)


async def insert_rows(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(EnrolmentRow), list(rows))


async def list_rows(session: AsyncSession, batch_id: UUID) -> Sequence[EnrolmentRow]:
    query = select(EnrolmentRow).where(EnrolmentRow.batch_id == batch_id)
    return (await session.scalars(query.order_by(EnrolmentRow.row).limit(MAX_ROWS))).all()
