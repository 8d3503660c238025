from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member


async def list_by_phone(
    session: AsyncSession, phone_hash: bytes, *, first: Collection[UUID], limit: int
) -> Sequence[Member]:
    """Return at most `limit` members with a number, the given members first."""
    query = select(Member).where(Member.phone_hash == phone_hash)
    ordered = query.order_by(Member.id.in_(list(first)).desc(), Member.id)
    return (await session.scalars(ordered.limit(limit))).all()


async def count_by_phone(
    session: AsyncSession, phone_hashes: Collection[bytes], *, made_by: UUID | None
) -> dict[bytes, tuple[int, int]]:
    """Return how many members have each number, and how many of them this account enrolled."""
    by_account = func.count().filter(Member.created_by == made_by)
    counted = (
        select(Member.phone_hash, func.count(), by_account)
        .where(Member.phone_hash.in_(list(phone_hashes)))
        .group_by(Member.phone_hash)
    )
    return {phone_hash: (all_, own) for phone_hash, all_, own in await session.execute(counted)}


async def lock_phones(session: AsyncSession, phone_hashes: Collection[bytes]) -> None:
    """Serialise enrolments with these numbers until the end of the transaction."""
    for key in sorted(int.from_bytes(each[:8], "big", signed=True) for each in phone_hashes):
        await session.execute(select(func.pg_advisory_xact_lock(key)))
