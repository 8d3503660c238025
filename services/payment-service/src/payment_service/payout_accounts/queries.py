from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount, PayoutStop
from payment_service.payout_accounts.rules import PayoutAccountNotFound
from perisai_kit.db.bulk import insert_once


async def get_account(session: AsyncSession, account_id: UUID) -> PayoutAccount:
    account = await session.get(PayoutAccount, account_id)
    if account is None:
        raise PayoutAccountNotFound
    return account


async def lock_account(session: AsyncSession, account_id: UUID) -> PayoutAccount:
    account = await session.get(PayoutAccount, account_id, with_for_update=True)
    if account is None:
        raise PayoutAccountNotFound
    return account


async def list_accounts(
    session: AsyncSession, *, after_id: UUID | None, limit: int
) -> Sequence[PayoutAccount]:
    """Return our accounts in the order of their making."""
    chosen = select(PayoutAccount).order_by(PayoutAccount.id).limit(limit)
    if after_id is not None:
        chosen = chosen.where(PayoutAccount.id > after_id)
    return (await session.scalars(chosen)).all()


async def find_last_stop(session: AsyncSession) -> PayoutStop | None:
    """Return the last step of stopping and resuming; None: nobody ever stopped payouts."""
    chosen = select(PayoutStop).order_by(PayoutStop.number.desc()).limit(1)
    return (await session.scalars(chosen)).one_or_none()


async def insert_once_stop(session: AsyncSession, stop: PayoutStop) -> PayoutStop | None:
    """Insert a step; return None where another one has its number."""
    return await insert_once(session, stop)


async def list_stops(
    session: AsyncSession, *, before: int | None, limit: int
) -> Sequence[PayoutStop]:
    """Return the steps of stopping and resuming, the latest first."""
    chosen = select(PayoutStop).order_by(PayoutStop.number.desc()).limit(limit)
    if before is not None:
        chosen = chosen.where(PayoutStop.number < before)
    return (await session.scalars(chosen)).all()
