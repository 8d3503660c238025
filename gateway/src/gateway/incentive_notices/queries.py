import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.accounts.rules import WADAH_ADMIN
from perisai_kit.db.bulk import any_id


async def list_wadah_admins(
    session: AsyncSession, wadah_ids: Collection[uuid.UUID]
) -> Sequence[Account]:
    """Return the administrators of these wadahs, by id."""
    admins = select(Account).where(
        Account.roles.contains([WADAH_ADMIN]), Account.wadah_id == any_id(wadah_ids)
    )
    return (await session.scalars(admins.order_by(Account.id))).all()
