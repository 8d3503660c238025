import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.changes.models import AccountChange


async def list_changes(
    session: AsyncSession, *, account_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> Sequence[AccountChange]:
    """Return changes, newest first; ids are in the order of creation."""
    page = select(AccountChange).where(AccountChange.account_id == account_id)
    if after is not None:
        page = page.where(AccountChange.id < after)
    return (await session.scalars(page.order_by(AccountChange.id.desc()).limit(limit))).all()
