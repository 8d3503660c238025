from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage.models import AllocationRow
from perisai_kit.db.bulk import any_id


async def insert_once_allocations(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> frozenset[UUID]:
    """Insert the new allocations; return their members."""
    statement = insert(AllocationRow).on_conflict_do_nothing().returning(AllocationRow.member_id)
    return frozenset((await session.execute(statement, list(rows))).scalars())


async def list_allocations(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AllocationRow]]:
    """Return each member's allocations by member id.

    A member has at most one for each month of a working life.
    """
    query = select(AllocationRow).where(AllocationRow.member_id == any_id(member_ids))
    found: dict[UUID, list[AllocationRow]] = {member_id: [] for member_id in member_ids}
    for row in await session.scalars(query):
        found[row.member_id].append(row)
    return found
