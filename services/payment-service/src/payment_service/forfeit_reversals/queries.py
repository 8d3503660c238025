from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.forfeit_reversals.models import ForfeitReversal
from perisai_kit.db.bulk import insert_once


async def insert_once_reversal(
    session: AsyncSession, reversal: ForfeitReversal
) -> ForfeitReversal | None:
    """Insert a proposal; return None where another one of the hold is not rejected."""
    return await insert_once(session, reversal)


async def lock_reversal(
    session: AsyncSession, hold_id: UUID, reversal_id: UUID
) -> ForfeitReversal | None:
    statement = (
        select(ForfeitReversal)
        .where(ForfeitReversal.id == reversal_id, ForfeitReversal.hold_id == hold_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_reversals(session: AsyncSession, hold_id: UUID) -> Sequence[ForfeitReversal]:
    """Return the proposals for a hold, the oldest first."""
    statement = select(ForfeitReversal).where(ForfeitReversal.hold_id == hold_id)
    return (await session.scalars(statement.order_by(ForfeitReversal.id))).all()
