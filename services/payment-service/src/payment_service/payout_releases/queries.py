from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payouts.models import Payout, PayoutItem
from perisai_kit.db.bulk import any_id


async def list_next_payees(
    session: AsyncSession, run_id: UUID, *, after_id: UUID | None, limit: int
) -> Sequence[UUID]:
    """Return the next payees of a run that were not looked at yet, by id."""
    chosen = select(Payout.payee_id).where(Payout.run_id == run_id, Payout.withdrawn_at.is_(None))
    if after_id is not None:
        chosen = chosen.where(Payout.payee_id > after_id)
    ordered = chosen.distinct().order_by(Payout.payee_id).limit(limit)
    return (await session.scalars(ordered)).all()


async def list_items(
    session: AsyncSession, payout_ids: Collection[UUID]
) -> dict[UUID, list[PayoutItem]]:
    """Return what payouts pay for, by payout."""
    chosen = select(PayoutItem).where(PayoutItem.payout_id == any_id(payout_ids))
    found: dict[UUID, list[PayoutItem]] = defaultdict(list)
    for each in await session.scalars(chosen):
        found[each.payout_id].append(each)
    return found
