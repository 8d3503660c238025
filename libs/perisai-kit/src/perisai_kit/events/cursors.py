"""How far each subscription of this service has come."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.bulk import insert_once
from perisai_kit.db.columns import KitBase
from perisai_kit.domain import clock


class Cursor(KitBase):
    """caught_up_at: business instant; what was committed before it has been applied or parked."""

    __tablename__ = "subscriptions"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    caught_up_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def find_cursor(session: AsyncSession, name: str) -> Cursor | None:
    """Return the cursor, or None where the subscription has not begun."""
    return await session.get(Cursor, name)


async def insert_once_cursor(session: AsyncSession, name: str) -> None:
    """Begin at the beginning; a cursor that exists stays where it is."""
    await insert_once(session, Cursor(name=name, position=0, updated_at=clock.now()))


async def lock_position(session: AsyncSession, name: str) -> int | None:
    """Return the cursor's position, locked until the transaction ends."""
    locked = select(Cursor.position).where(Cursor.name == name).with_for_update()
    return await session.scalar(locked)


async def store_position(
    session: AsyncSession, name: str, *, position: int, caught_up_at: datetime | None
) -> None:
    """Move the cursor, which the caller has locked; None leaves `caught_up_at` as it was."""
    await session.execute(
        update(Cursor)
        .where(Cursor.name == name)
        .values(
            position=position,
            caught_up_at=func.coalesce(caught_up_at, Cursor.caught_up_at),
            updated_at=clock.now(),
        )
    )


async def record_caught_up(
    session: AsyncSession, name: str, *, position: int, caught_up_at: datetime
) -> bool:
    """Record that nothing lay beyond `position` then; False when the cursor has moved on."""
    recorded = await session.scalar(
        update(Cursor)
        .where(Cursor.name == name, Cursor.position == position)
        .values(caught_up_at=caught_up_at, updated_at=clock.now())
        .returning(Cursor.position)
    )
    return recorded is not None
