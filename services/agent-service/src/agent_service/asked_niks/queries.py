from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.asked_niks.models import AskedNik
from perisai_kit.db.bulk import OldRows


async def lock_account(session: AsyncSession, account_id: UUID) -> None:
    """Let the questions of an account wait for each other, so that none passes the limit."""
    key = func.hashtextextended(f"asked_niks:{account_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def find_limiting_at(session: AsyncSession, account_id: UUID, number: int) -> datetime | None:
    """Return when an account asked about a NIK. number: 1 is the last one asked about."""
    asked = select(AskedNik.asked_at).where(AskedNik.account_id == account_id)
    return await session.scalar(
        asked.order_by(AskedNik.asked_at.desc()).offset(number - 1).limit(1)
    )


async def was_asked(
    session: AsyncSession, account_id: UUID, nik_hash: bytes, *, since: datetime
) -> bool:
    """Tell whether an account has asked about a NIK since then."""
    asked = select(AskedNik.asked_at).where(
        AskedNik.account_id == account_id, AskedNik.nik_hash == nik_hash, AskedNik.asked_at > since
    )
    return await session.scalar(asked) is not None


async def save(
    session: AsyncSession,
    account_id: UUID,
    nik_hashes: Collection[bytes],
    *,
    at: datetime,
    since: datetime,
) -> None:
    """Record NIKs as asked about; those that were since then keep their time."""
    rows = [
        {"account_id": account_id, "nik_hash": each, "asked_at": at} for each in sorted(nik_hashes)
    ]
    asked = insert(AskedNik).values(rows)
    await session.execute(
        asked.on_conflict_do_update(
            index_elements=["account_id", "nik_hash"],
            set_={"asked_at": asked.excluded.asked_at},
            where=AskedNik.asked_at <= since,
        )
    )


def get_old(*, before: datetime) -> OldRows:
    return OldRows(AskedNik.asked_at, before)
