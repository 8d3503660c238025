from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payouts.models import Payout, PayoutItem


async def lock_payout_of(session: AsyncSession, payout_id: UUID, agent_id: UUID) -> Payout | None:
    """Lock a payout that pays for statements of this agent."""
    pays = exists().where(PayoutItem.payout_id == payout_id, PayoutItem.beneficiary_id == agent_id)
    statement = select(Payout).where(Payout.id == payout_id, pays).with_for_update()
    return (await session.scalars(statement)).one_or_none()


async def find_last(
    session: AsyncSession, payout_id: UUID, agent_id: UUID
) -> PayoutConfirmation | None:
    """Return what an agent said last of a payout."""
    statement = (
        select(PayoutConfirmation)
        .where(PayoutConfirmation.payout_id == payout_id, PayoutConfirmation.agent_id == agent_id)
        .order_by(PayoutConfirmation.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_confirmations(
    session: AsyncSession,
    *,
    is_received: bool | None,
    payout_id: UUID | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[PayoutConfirmation]:
    """Return what agents said last of payouts, the latest first."""
    later = aliased(PayoutConfirmation)
    is_last = ~exists().where(
        later.payout_id == PayoutConfirmation.payout_id,
        later.agent_id == PayoutConfirmation.agent_id,
        later.id > PayoutConfirmation.id,
    )
    chosen = select(PayoutConfirmation).where(is_last)
    if is_received is not None:
        chosen = chosen.where(PayoutConfirmation.is_received.is_(is_received))
    if payout_id is not None:
        chosen = chosen.where(PayoutConfirmation.payout_id == payout_id)
    if before_id is not None:
        chosen = chosen.where(PayoutConfirmation.id < before_id)
    return (await session.scalars(chosen.order_by(PayoutConfirmation.id.desc()).limit(limit))).all()
