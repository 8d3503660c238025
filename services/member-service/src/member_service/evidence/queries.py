from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.evidence.models import Evidence
from perisai_kit.db.bulk import any_id, insert_rows_statement


async def insert_evidence(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert_rows_statement(Evidence, rows))


async def find_evidence(session: AsyncSession, evidence_id: UUID) -> Evidence | None:
    return await session.get(Evidence, evidence_id)


async def list_evidence(session: AsyncSession, member_ids: Collection[UUID]) -> Sequence[Evidence]:
    """Return the evidence of members, the oldest first."""
    query = select(Evidence).where(Evidence.member_id == any_id(member_ids))
    return (await session.scalars(query.order_by(Evidence.recorded_at, Evidence.id))).all()
