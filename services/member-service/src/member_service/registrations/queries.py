from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.registrations.models import RegistrationRow


async def list_rows(
    session: AsyncSession, member_ids: Collection[UUID]
) -> Sequence[RegistrationRow]:
    """Return all rows of these members, superseded ones too: they may count again."""
    query = select(RegistrationRow).where(RegistrationRow.member_id.in_(list(member_ids)))
    return (await session.scalars(query.order_by(RegistrationRow.began_at))).all()


async def insert_rows(session: AsyncSession, rows: Sequence[RegistrationRow]) -> None:
    session.add_all(rows)
    await session.flush()
