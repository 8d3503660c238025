from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutChannel
from payment_service.payout_settlement.models import SettlementProposal
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts.models import Payout
from perisai_kit.db.bulk import insert_once

OPEN = (TransferStatus.SENT, TransferStatus.UNKNOWN)
MAX_LISTED = 50_000
"""Transfers of one account that are looked for in one statement; a bank pages at 9,000 rows."""
CODES_AT_ONCE = 5_000
"""Codes that one query looks up, each by the unique index."""
_SHOWN = (
    PayoutTransfer.id,
    PayoutTransfer.status,
    PayoutTransfer.remark_code,
    PayoutTransfer.amount,
)


@dataclass(frozen=True, slots=True)
class SentTransfer:
    """A transfer that left us, as a bank statement names it."""

    transfer_id: UUID
    status: TransferStatus
    remark_code: str
    amount: int


async def list_due(session: AsyncSession, *, at: datetime, limit: int) -> list[UUID]:
    """Return the transfers sent to a bank's API that are due to be asked about, by their time."""
    statement = (
        select(PayoutTransfer.id)
        .where(
            PayoutTransfer.status.in_(OPEN),
            PayoutTransfer.next_inquiry_at <= at,
            PayoutTransfer.external_id.is_not(None),
        )
        .order_by(PayoutTransfer.next_inquiry_at)
        .limit(limit)
    )
    return list(await session.scalars(statement))


async def schedule_inquiry(
    session: AsyncSession, transfer_id: UUID, *, next_inquiry_at: datetime | None
) -> None:
    """Count an inquiry that settled nothing, and store when the next one is."""
    await session.execute(
        update(PayoutTransfer)
        .where(PayoutTransfer.id == transfer_id, PayoutTransfer.status.in_(OPEN))
        .values(next_inquiry_at=next_inquiry_at, inquiries=PayoutTransfer.inquiries + 1)
        .execution_options(synchronize_session=False)
    )


async def list_other_codes(
    session: AsyncSession,
    account_id: UUID,
    *,
    amount: int,
    requested_at: datetime,
    until: datetime,
    besides: UUID,
) -> list[str]:
    """Return the codes of other transfers of the same amount, sent from about that time until then.

    until: to the end of the days whose statement is read.
    """
    span = timedelta(days=3)
    statement = select(PayoutTransfer.remark_code).where(
        PayoutTransfer.payout_account_id == account_id,
        PayoutTransfer.amount == amount,
        PayoutTransfer.request_timestamp.between(
            requested_at - span, max(until, requested_at + span)
        ),
        PayoutTransfer.id != besides,
    )
    return list(await session.scalars(statement.limit(MAX_LISTED)))


async def list_accounts(session: AsyncSession) -> list[UUID]:
    """Return our accounts at banks' APIs, active or not."""
    chosen = select(PayoutAccount.id).where(PayoutAccount.channel == PayoutChannel.SNAP)
    return list(await session.scalars(chosen.order_by(PayoutAccount.id)))


async def find_last_sent(session: AsyncSession, account_id: UUID) -> UUID | None:
    """Return the transfer that was sent last from an account; None where none ever was."""
    statement = (
        select(PayoutTransfer.id)
        .where(PayoutTransfer.payout_account_id == account_id, PayoutTransfer.sent_at.is_not(None))
        .order_by(PayoutTransfer.sent_at.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def list_by_code(
    session: AsyncSession, account_id: UUID, codes: Collection[str]
) -> list[SentTransfer]:
    """Return the transfers of an account that have one of these codes, sent at any time."""
    wanted, found = sorted(codes), []
    for start in range(0, len(wanted), CODES_AT_ONCE):
        some = literal(wanted[start : start + CODES_AT_ONCE], ARRAY(Text()))
        statement = select(*_SHOWN).where(
            PayoutTransfer.remark_code == any_(some),
            PayoutTransfer.payout_account_id == account_id,
            PayoutTransfer.sent_at.is_not(None),
        )
        found += [SentTransfer(*row) for row in await session.execute(statement)]
    return found


async def list_paid_of(
    session: AsyncSession, account_id: UUID, amounts: Collection[int], *, since: datetime
) -> list[SentTransfer]:
    """Return the paid transfers of an account of these amounts, sent since an instant."""
    statement = (
        select(*_SHOWN)
        .where(
            PayoutTransfer.payout_account_id == account_id,
            PayoutTransfer.sent_at >= since,
            PayoutTransfer.status == TransferStatus.PAID,
            PayoutTransfer.amount.in_(amounts),
        )
        .order_by(PayoutTransfer.sent_at.desc())
        .limit(MAX_LISTED)
    )
    return [SentTransfer(*row) for row in await session.execute(statement)]


async def measure_unknown(session: AsyncSession) -> tuple[int, datetime | None]:
    """Count the transfers of unknown outcome; return also when the first of them was sent."""
    measured = select(func.count(), func.min(PayoutTransfer.sent_at)).where(
        PayoutTransfer.status == TransferStatus.UNKNOWN
    )
    count, first = (await session.execute(measured)).one()
    return count, first


async def lock_payout(session: AsyncSession, payout_id: UUID) -> Payout | None:
    chosen = select(Payout).where(Payout.id == payout_id).with_for_update()
    fresh = chosen.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).one_or_none()


async def find_payout(session: AsyncSession, payout_id: UUID) -> Payout | None:
    return await session.get(Payout, payout_id)


async def insert_once_proposal(
    session: AsyncSession, proposal: SettlementProposal
) -> SettlementProposal | None:
    """Insert a proposal; return None while another one is open."""
    return await insert_once(session, proposal)


async def lock_proposal(
    session: AsyncSession, payout_id: UUID, proposal_id: UUID
) -> SettlementProposal | None:
    statement = (
        select(SettlementProposal)
        .where(SettlementProposal.id == proposal_id, SettlementProposal.payout_id == payout_id)
        .with_for_update()
    )
    return (await session.scalars(statement)).one_or_none()


async def list_proposals(session: AsyncSession, payout_id: UUID) -> Sequence[SettlementProposal]:
    """Return the proposals for a payout, the oldest first."""
    statement = select(SettlementProposal).where(SettlementProposal.payout_id == payout_id)
    return (await session.scalars(statement.order_by(SettlementProposal.id))).all()
