from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_transfers.models import PayoutTransfer, PayoutTransferChange
from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.db.bulk import any_id
from perisai_kit.domain.jakarta import jakarta_date


async def find_payout_id(session: AsyncSession, transfer_id: UUID) -> UUID | None:
    """Return the payout of a transfer, which never changes."""
    statement = select(PayoutTransfer.payout_id).where(PayoutTransfer.id == transfer_id)
    return (await session.scalars(statement)).one_or_none()


async def lock_transfer(session: AsyncSession, transfer_id: UUID) -> PayoutTransfer:
    """Lock a transfer whose payout is locked already: see `payouts.service`."""
    statement = select(PayoutTransfer).where(PayoutTransfer.id == transfer_id).with_for_update()
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def find_last(session: AsyncSession, payout_id: UUID) -> PayoutTransfer | None:
    """Return the last attempt of a payout."""
    statement = (
        select(PayoutTransfer)
        .where(PayoutTransfer.payout_id == payout_id)
        .order_by(PayoutTransfer.attempt.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_of_payout(session: AsyncSession, payout_id: UUID) -> Sequence[PayoutTransfer]:
    """Return the attempts of a payout, the first one first."""
    statement = select(PayoutTransfer).where(PayoutTransfer.payout_id == payout_id)
    return (await session.scalars(statement.order_by(PayoutTransfer.attempt))).all()


async def find_paid_days(session: AsyncSession, payout_ids: Collection[UUID]) -> dict[UUID, date]:
    """Return the day on which payouts count as paid, of those that were ever called paid.

    One attempt of a payout is paid at most.
    """
    change = PayoutTransferChange
    chosen = (
        select(PayoutTransfer.payout_id, change.executed_on, change.changed_at)
        .join(change, change.transfer_id == PayoutTransfer.id)
        .where(PayoutTransfer.payout_id == any_id(payout_ids), change.status == TransferStatus.PAID)
    )
    return {
        id_: executed_on or jakarta_date(changed_at)
        for id_, executed_on, changed_at in await session.execute(chosen)
    }


async def list_changes(session: AsyncSession, payout_id: UUID) -> Sequence[PayoutTransferChange]:
    """Return every change of the attempts of a payout, the first one first."""
    statement = (
        select(PayoutTransferChange)
        .join(PayoutTransfer, PayoutTransfer.id == PayoutTransferChange.transfer_id)
        .where(PayoutTransfer.payout_id == payout_id)
        .order_by(PayoutTransferChange.id)
    )
    return (await session.scalars(statement)).all()
