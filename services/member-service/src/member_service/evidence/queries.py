from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.evidence.models import Evidence
from member_service.members.rules import NewToBpuBasis
from perisai_kit.db.bulk import any_id, insert_rows_statement


async def insert_evidence(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert_rows_statement(Evidence, rows))


async def find_evidence(session: AsyncSession, evidence_id: UUID) -> Evidence | None:
    return await session.get(Evidence, evidence_id)


async def list_last(
    session: AsyncSession, member_ids: Collection[UUID]
) -> list[tuple[UUID, bool, NewToBpuBasis | None]]:
    """Return the last evidence of members who have any: whether new to BPU, and its basis."""
    query = select(Evidence.member_id, Evidence.new_to_bpu, Evidence.basis)
    last_first = (Evidence.member_id, Evidence.recorded_at.desc(), Evidence.id.desc())
    last = query.ext(distinct_on(Evidence.member_id)).order_by(*last_first)
    rows = await session.execute(last.where(Evidence.member_id == any_id(member_ids)))
    return [(member_id, is_new, basis) for member_id, is_new, basis in rows]


async def list_evidence(session: AsyncSession, member_ids: Collection[UUID]) -> Sequence[Evidence]:
    """Return the evidence of members, the oldest first."""
    query = select(Evidence).where(Evidence.member_id == any_id(member_ids))
    return (await session.scalars(query.order_by(Evidence.recorded_at, Evidence.id))).all()
