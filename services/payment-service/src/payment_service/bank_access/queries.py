from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.banks.models import BankPartner
from perisai_kit.db.bulk import OldRows


def insert_token(
    session: AsyncSession, *, token_hash: bytes, partner_id: UUID, expires_at: datetime
) -> None:
    session.add(AccessToken(token_hash=token_hash, partner_id=partner_id, expires_at=expires_at))


async def find_token(session: AsyncSession, token_hash: bytes) -> AccessToken | None:
    return await session.get(AccessToken, token_hash)


def insert_unproven(session: AsyncSession, values: dict[str, object]) -> None:
    session.add(UnprovenRequest(**values))


async def list_unproven(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[UnprovenRequest]:
    """Return the unproven calls in a partner's name, newest first."""
    chosen = select(UnprovenRequest).where(UnprovenRequest.partner_id == partner_id)
    if before is not None:
        chosen = chosen.where(UnprovenRequest.id < before)
    return (await session.scalars(chosen.order_by(UnprovenRequest.id.desc()).limit(limit))).all()


async def find_old_unproven(session: AsyncSession, *, keep: int) -> list[OldRows]:
    """Return all but the newest `keep` of each partner."""
    newest = (
        select(UnprovenRequest.id)
        .where(UnprovenRequest.partner_id == BankPartner.id)
        .order_by(UnprovenRequest.id.desc())
        .offset(keep - 1)
        .limit(1)
        .scalar_subquery()
    )
    found = await session.execute(select(BankPartner.id, newest))
    return [
        OldRows(UnprovenRequest.id, oldest_kept, UnprovenRequest.partner_id == partner_id)
        for partner_id, oldest_kept in found
        if oldest_kept is not None
    ]


def old_tokens(*, before: datetime) -> OldRows:
    return OldRows(AccessToken.expires_at, before)
