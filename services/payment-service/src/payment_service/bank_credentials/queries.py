from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_credentials.models import CredentialChange
from perisai_kit.db.bulk import insert_once


async def insert_once_change(
    session: AsyncSession, change: CredentialChange
) -> CredentialChange | None:
    """Insert a proposal; return None where another one of the partner is not decided."""
    return await insert_once(session, change)


async def lock_change(
    session: AsyncSession, partner_id: UUID, change_id: UUID
) -> CredentialChange | None:
    statement = (
        select(CredentialChange)
        .where(CredentialChange.id == change_id, CredentialChange.partner_id == partner_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_page(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[CredentialChange]:
    """Return the proposals for a partner, the newest first."""
    chosen = select(CredentialChange).where(CredentialChange.partner_id == partner_id)
    if before is not None:
        chosen = chosen.where(CredentialChange.id < before)
    return (await session.scalars(chosen.order_by(CredentialChange.id.desc()).limit(limit))).all()
