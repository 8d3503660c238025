"""The position of each subscription of this service."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.bulk import insert_once
from perisai_kit.db.columns import KitBase
from perisai_kit.db.sql import SqlStatement, execute
from perisai_kit.domain import clock


class Cursor(KitBase):
    """caught_up_at: business time; all events committed before it were applied or parked."""

    __tablename__ = "subscriptions"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    caught_up_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def find_cursor(session: AsyncSession, name: str) -> Cursor | None:
    """Return the cursor, or None if the subscription has not begun."""
    return await session.get(Cursor, name)


async def list_cursors(session: AsyncSession, names: Sequence[str]) -> Sequence[Cursor]:
    """Return the cursors of the subscriptions that have begun."""
    return (await session.scalars(select(Cursor).where(Cursor.name.in_(names)))).all()


async def insert_once_cursor(session: AsyncSession, name: str) -> None:
    """Insert a cursor at position 0, unless there is one."""
    await insert_once(session, Cursor(name=name, position=0, updated_at=clock.now()))


# Written out, because every page of every feed takes these two.
_LOCK = "SELECT position FROM subscriptions WHERE name = $1 FOR UPDATE"
_STORE = """
    UPDATE subscriptions
    SET position = $2, caught_up_at = coalesce($3, caught_up_at), updated_at = $4
    WHERE name = $1
"""


async def lock_position(session: AsyncSession, name: str) -> int | None:
    """Return the cursor's position, locked until the transaction ends."""
    found = await execute(session, SqlStatement(_LOCK, (name,)))
    return next((position for (position,) in found), None)


async def store_position(
    session: AsyncSession, name: str, *, position: int, caught_up_at: datetime | None
) -> None:
    """Move the locked cursor; None leaves `caught_up_at` unchanged."""
    await execute(session, SqlStatement(_STORE, (name, position, caught_up_at, clock.now())))


async def record_caught_up(
    session: AsyncSession, name: str, *, position: int, caught_up_at: datetime
) -> bool:
    """Record that there was nothing after `position`; return False if the cursor has moved."""
    recorded = await session.scalar(
        update(Cursor)
        .where(Cursor.name == name, Cursor.position == position)
        .values(caught_up_at=caught_up_at, updated_at=clock.now())
        .returning(Cursor.position)
        .execution_options(synchronize_session=False)
    )
    return recorded is not None
