"""Read audits by person and by reader, the newest first."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from perisai_kit.privacy.read_audit import ReadAudit


async def list_of_persons(
    session: AsyncSession,
    ids: Collection[UUID],
    *,
    account_id: UUID | None = None,
    before: UUID | None,
    limit: int,
) -> Sequence[ReadAudit]:
    """Return the audits that name one of these persons; with `account_id`, those of one reader.

    The search is a step of its own. With ORDER BY and LIMIT beside the condition, PostgreSQL reads
    the primary key backwards instead, which takes seconds.
    """
    named = select(ReadAudit).where(
        ReadAudit.ids.overlap(cast(list(ids), ARRAY(Uuid()))),
        true() if account_id is None else ReadAudit.account_id == account_id,
        true() if before is None else ReadAudit.id < before,
    )
    found = aliased(ReadAudit, named.cte("found").prefix_with("MATERIALIZED"))
    return (await session.scalars(select(found).order_by(found.id.desc()).limit(limit))).all()


async def list_of_reader(
    session: AsyncSession, account_id: UUID | None, *, before: UUID | None, limit: int
) -> Sequence[ReadAudit]:
    """Return what an account has read, or every account."""
    query = select(ReadAudit).where(
        true() if account_id is None else ReadAudit.account_id == account_id,
        true() if before is None else ReadAudit.id < before,
    )
    return (await session.scalars(query.order_by(ReadAudit.id.desc()).limit(limit))).all()
