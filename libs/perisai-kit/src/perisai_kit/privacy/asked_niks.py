"""Which NIKs an account has asked about in 24 hours: keyed hashes in a table of each service."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.bulk import OldRows, delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.day_limits import COUNTED


class AskedNikColumns:
    """The columns of such a table: a NIK of an account, until it counts no longer."""

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    nik_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asked_at: Mapped[datetime]


Table = type[AskedNikColumns]


async def lock_account(session: AsyncSession, account_id: UUID) -> None:
    """Let the questions of an account wait for each other, so that none passes the limit."""
    key = func.hashtextextended(f"asked_niks:{account_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def find_limiting_at(
    session: AsyncSession, table: Table, account_id: UUID, number: int
) -> datetime | None:
    """Return when an account asked about a NIK. number: 1 is the last one asked about."""
    asked = select(table.asked_at).where(table.account_id == account_id)
    return await session.scalar(asked.order_by(table.asked_at.desc()).offset(number - 1).limit(1))


async def was_asked(
    session: AsyncSession, table: Table, account_id: UUID, nik_hash: bytes, *, at: datetime
) -> bool:
    """Tell whether an account has asked about a NIK, and it still counts at an instant."""
    asked = select(table.asked_at).where(
        table.account_id == account_id, table.nik_hash == nik_hash, table.asked_at > at - COUNTED
    )
    return await session.scalar(asked) is not None


async def save(
    session: AsyncSession,
    table: Table,
    account_id: UUID,
    nik_hashes: Collection[bytes],
    *,
    at: datetime,
) -> None:
    """Record NIKs as asked about; those that still count keep their time."""
    rows = [
        {"account_id": account_id, "nik_hash": each, "asked_at": at} for each in sorted(nik_hashes)
    ]
    asked = insert(table).values(rows)
    await session.execute(
        asked.on_conflict_do_update(
            index_elements=["account_id", "nik_hash"],
            set_={"asked_at": asked.excluded.asked_at},
            where=table.asked_at <= at - COUNTED,
        )
    )


async def delete_uncounted(database: Database, table: Table) -> bool:
    """Delete the NIKs that count no longer; return whether there is more."""
    return await delete_old(database, OldRows(table.asked_at, clock.now() - COUNTED))
