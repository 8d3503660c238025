from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, cast, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountStatus, PayoutChannel
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import RunStatus
from payment_service.payout_sending.models import PayoutNameCheck
from payment_service.payout_sending.rules import NameVerdict, Waiting
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts.models import Payout

LEFT_US = (TransferStatus.SENT, TransferStatus.UNKNOWN)


async def find_attempt(
    session: AsyncSession, transfer_id: UUID
) -> tuple[PayoutTransfer, Payout, PayoutAccount] | None:
    """Return a transfer with its payout and the account of ours."""
    statement = (
        select(PayoutTransfer, Payout, PayoutAccount)
        .join(Payout, Payout.id == PayoutTransfer.payout_id)
        .join(PayoutAccount, PayoutAccount.id == PayoutTransfer.payout_account_id)
        .where(PayoutTransfer.id == transfer_id)
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    transfer, payout, account = row
    return transfer, payout, account


async def lock_account(session: AsyncSession, account_id: UUID) -> None:
    """Let no other transaction send from an account until the end of this one.

    Rows that refer to the account can still be inserted, which a payout that is locked may need.
    """
    chosen = select(PayoutAccount.id).where(PayoutAccount.id == account_id)
    await session.execute(chosen.with_for_update(key_share=True))


async def is_released(session: AsyncSession, transfer_id: UUID) -> bool:
    """Tell whether the payout of a transfer stands, in a run that was released."""
    statement = (
        select(Payout.id)
        .join(PayoutTransfer, PayoutTransfer.payout_id == Payout.id)
        .join(PayoutRun, PayoutRun.id == Payout.run_id)
        .where(
            PayoutTransfer.id == transfer_id,
            Payout.withdrawn_at.is_(None),
            PayoutRun.status == RunStatus.RELEASED,
        )
    )
    return await session.scalar(statement) is not None


async def sum_sent(
    session: AsyncSession, account_id: UUID, *, since: datetime, until: datetime
) -> int:
    """Sum what was sent from an account in a time and not refused, in rupiah."""
    summed = select(func.coalesce(func.sum(PayoutTransfer.amount), 0)).where(
        PayoutTransfer.payout_account_id == account_id,
        PayoutTransfer.sent_at >= since,
        PayoutTransfer.sent_at < until,
        PayoutTransfer.status != TransferStatus.FAILED,
    )
    return int(await session.scalar(summed) or 0)


async def sum_in_flight(session: AsyncSession, account_id: UUID) -> int:
    """Sum what has left us from an account and is not settled, in rupiah."""
    summed = select(cast(func.coalesce(func.sum(PayoutTransfer.amount), 0), BigInteger)).where(
        PayoutTransfer.payout_account_id == account_id, PayoutTransfer.status.in_(LEFT_US)
    )
    return await session.scalar(summed) or 0


async def list_waiting(
    session: AsyncSession, account_id: UUID, *, after_id: UUID | None, limit: int
) -> list[Waiting]:
    """Return the next transfers of an account that nothing was sent for, the first made first."""
    conditions = [
        PayoutTransfer.payout_account_id == account_id,
        PayoutTransfer.status == TransferStatus.CREATED,
    ]
    if after_id is not None:
        conditions.append(PayoutTransfer.id > after_id)
    statement = (
        select(PayoutTransfer.id, PayoutTransfer.amount)
        .where(*conditions)
        .order_by(PayoutTransfer.id)
        .limit(limit)
    )
    return [Waiting(id_, amount) for id_, amount in await session.execute(statement)]


async def has_account_to_send(session: AsyncSession) -> bool:
    """Tell whether something waits to be sent from an active account at a bank's API."""
    return bool(await session.scalar(select(exists().where(*_may_send()))))


async def list_accounts_to_send(session: AsyncSession) -> Sequence[PayoutAccount]:
    """Return the active accounts at a bank's API that something waits to be sent from."""
    statement = select(PayoutAccount).where(*_may_send()).order_by(PayoutAccount.id)
    return (await session.scalars(statement)).all()


def _may_send() -> list[ColumnElement[bool]]:
    waiting = exists().where(
        PayoutTransfer.payout_account_id == PayoutAccount.id,
        PayoutTransfer.status == TransferStatus.CREATED,
    )
    return [
        PayoutAccount.channel == PayoutChannel.SNAP,
        PayoutAccount.status == PayoutAccountStatus.ACTIVE,
        waiting,
    ]


async def upsert_name_check(
    session: AsyncSession,
    transfer_id: UUID,
    verdict: NameVerdict,
    *,
    response_code: str | None,
    at: datetime,
) -> None:
    """Store what the bank said last about the holder of the account of a transfer."""
    values = {"verdict": verdict, "response_code": response_code, "checked_at": at}
    new = insert(PayoutNameCheck).values(transfer_id=transfer_id, **values)
    await session.execute(
        new.on_conflict_do_update(index_elements=[PayoutNameCheck.transfer_id], set_=values)
    )


async def find_name_check(session: AsyncSession, transfer_id: UUID) -> PayoutNameCheck | None:
    return await session.get(PayoutNameCheck, transfer_id, populate_existing=True)
