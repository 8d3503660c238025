from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.bank_accounts.models import BankAccount
from agent_service.bank_accounts.rules import BankAccountNotFound, BankAccountStatus
from perisai_kit.db.bulk import any_id

MAX_SHARING = 1000
"""Holders of the accounts of a page that are counted at most."""
LIVE = (BankAccountStatus.PROPOSED, BankAccountStatus.CURRENT)


async def get_visible(
    session: AsyncSession, bank_account_id: UUID, seen: ColumnElement[bool], *, lock: bool = False
) -> BankAccount:
    """Return a visible account, locked for a change if asked. Raises: BankAccountNotFound."""
    chosen = select(BankAccount).where(BankAccount.id == bank_account_id, seen)
    if lock:
        chosen = chosen.with_for_update(of=BankAccount)
    account = await session.scalar(chosen.execution_options(populate_existing=True))
    if account is None:
        raise BankAccountNotFound
    return account


async def lock_current(session: AsyncSession, holder_id: UUID) -> BankAccount | None:
    """Lock and return the current account of a holder, if there is one."""
    chosen = select(BankAccount).where(
        BankAccount.holder_id == holder_id, BankAccount.status == BankAccountStatus.CURRENT
    )
    locked = chosen.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(locked)


async def list_current(
    session: AsyncSession, holder_ids: Collection[UUID]
) -> Sequence[BankAccount]:
    """Return the current accounts of these holders."""
    chosen = select(BankAccount).where(
        BankAccount.holder_id == any_id(holder_ids), BankAccount.status == BankAccountStatus.CURRENT
    )
    return (await session.scalars(chosen)).all()


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    holder_id: UUID | None,
    status: BankAccountStatus | None,
    before: UUID | None,
    limit: int,
) -> Sequence[BankAccount]:
    """Return accounts, the latest proposed first."""
    chosen = select(BankAccount).where(seen)
    if holder_id is not None:
        chosen = chosen.where(BankAccount.holder_id == holder_id)
    if status is not None:
        chosen = chosen.where(BankAccount.status == status)
    if before is not None:
        chosen = chosen.where(BankAccount.id < before)
    return (await session.scalars(chosen.order_by(BankAccount.id.desc()).limit(limit))).all()


async def list_sharing(
    session: AsyncSession, hashes: Collection[bytes]
) -> Sequence[tuple[bytes, UUID]]:
    """Return who holds, or is proposed to hold, the accounts with these hashes."""
    chosen = (
        select(BankAccount.account_hash, BankAccount.holder_id)
        .distinct()
        .where(
            BankAccount.account_hash == any_(literal(list(hashes), ARRAY(LargeBinary()))),
            BankAccount.status.in_(LIVE),
        )
        .limit(MAX_SHARING)
    )
    return [(account_hash, holder_id) for account_hash, holder_id in await session.execute(chosen)]
