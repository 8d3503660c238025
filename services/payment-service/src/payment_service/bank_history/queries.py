from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_history.models import PartnerChange


def insert_change(session: AsyncSession, change: PartnerChange) -> None:
    session.add(change)


async def list_changes(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[PartnerChange]:
    """Return the changes of a partner, newest first; ids are in the order of creation."""
    chosen = select(PartnerChange).where(PartnerChange.partner_id == partner_id)
    if before is not None:
        chosen = chosen.where(PartnerChange.id < before)
    return (await session.scalars(chosen.order_by(PartnerChange.id.desc()).limit(limit))).all()
