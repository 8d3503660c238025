from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payouts.models import Payout, PayoutRemittance
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain.month import Month


async def insert_once_remittance(
    session: AsyncSession, remittance: PayoutRemittance
) -> PayoutRemittance | None:
    """Insert a remittance; return None where its tax and month have an open one."""
    return await insert_once(session, remittance)


async def list_remittances(
    session: AsyncSession, *, month: Month | None, before_id: UUID | None, limit: int
) -> Sequence[Row[PayoutRemittance, Payout]]:
    """Return remittances with their payouts, the latest first."""
    chosen = select(PayoutRemittance, Payout).join(Payout, Payout.id == PayoutRemittance.payout_id)
    if month is not None:
        chosen = chosen.where(PayoutRemittance.month == month)
    if before_id is not None:
        chosen = chosen.where(Payout.id < before_id)
    return (await session.execute(chosen.order_by(Payout.id.desc()).limit(limit))).all()
