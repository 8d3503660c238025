from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations.models import AllocationReversal, AllocationRow
from perisai_kit.db.bulk import any_id


async def insert_once_allocations(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> frozenset[UUID]:
    """Insert the new allocations, which may be none; return their members."""
    return await _insert_once(session, AllocationRow, rows)


async def insert_once_reversals(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> frozenset[UUID]:
    """Insert the new reversals, which may be none; return their members."""
    return await _insert_once(session, AllocationReversal, rows)


async def _insert_once(
    session: AsyncSession,
    model: type[AllocationRow] | type[AllocationReversal],
    rows: Sequence[dict[str, Any]],
) -> frozenset[UUID]:
    if not rows:
        return frozenset()
    statement = insert(model).on_conflict_do_nothing().returning(model.member_id)
    return frozenset((await session.execute(statement, list(rows))).scalars())


async def list_allocations(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[AllocationRow]]:
    """Return each member's allocations by member id, reversed ones too.

    A member has at most one for each month of a working life.
    """
    query = select(AllocationRow).where(AllocationRow.member_id == any_id(member_ids))
    found: dict[UUID, list[AllocationRow]] = {member_id: [] for member_id in member_ids}
    for row in await session.scalars(query):
        found[row.member_id].append(row)
    return found


async def list_reversals(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when allocations of these members were reversed, by allocation id; most never are."""
    query = select(AllocationReversal.id, AllocationReversal.reversed_at).where(
        AllocationReversal.member_id == any_id(member_ids)
    )
    return {row.id: row.reversed_at for row in await session.execute(query)}
