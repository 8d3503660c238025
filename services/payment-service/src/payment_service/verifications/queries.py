"""The second computation, and what is stored of it.

The tables of other features are named in SQL only: the verification shares no code with them.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from importlib import resources

from sqlalchemy import exists, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.verifications.models import MonthVerification, VerificationRequest
from payment_service.verifications.rules import Counts, Opinion
from perisai_kit.domain.month import Month

VERIFY = (resources.files("payment_service.verifications") / "verify.sql").read_text("utf-8")
VERIFY_SHA256 = hashlib.sha256(VERIFY.encode()).hexdigest()
"""Says which text a stored result comes from."""
_IS_CLOSED = text("SELECT EXISTS (SELECT FROM commission_months WHERE month = :month)")
_CLOSED = text("SELECT month FROM commission_months ORDER BY month")
_PENDING = text("""
    SELECT closed.month FROM commission_months AS closed LEFT JOIN LATERAL (
        SELECT bool_or(difference_count > 0 OR left_out_count = 0) AS is_conclusive,
               max(finished_at) AS finished_at
        FROM month_verifications AS made WHERE made.month = closed.month) AS made ON true
    WHERE is_conclusive IS NULL OR NOT is_conclusive AND finished_at <= :before
    ORDER BY closed.month LIMIT :limit
""")


async def compute(session: AsyncSession, month: Month) -> Opinion:
    """Compute a month anew and compare: one statement, which writes and locks nothing."""
    row = (await session.execute(text(VERIFY), {"month": str(month)})).mappings().one()
    return Opinion(**row)


async def is_closed(session: AsyncSession, month: Month) -> bool:
    return bool(await session.scalar(_IS_CLOSED, {"month": str(month)}))


async def list_closed(session: AsyncSession) -> list[Month]:
    return [Month.parse(month) for month in await session.scalars(_CLOSED)]


async def list_pending(session: AsyncSession, *, before: datetime, limit: int) -> list[Month]:
    """Return closed months without a verification, the earliest first.

    Also those of which each one found nothing, but left something out, the last before an instant.
    """
    rows = await session.scalars(_PENDING, {"before": before, "limit": limit})
    return [Month.parse(month) for month in rows]


async def list_requests(session: AsyncSession, *, limit: int) -> Sequence[VerificationRequest]:
    """Return requests without their result, the earliest first."""
    answered = exists().where(MonthVerification.request_id == VerificationRequest.id)
    statement = select(VerificationRequest).where(~answered).order_by(VerificationRequest.id)
    return (await session.scalars(statement.limit(limit))).all()


async def has_request(session: AsyncSession, month: Month) -> bool:
    """Tell whether a request for a month waits."""
    answered = exists().where(MonthVerification.request_id == VerificationRequest.id)
    waiting = exists().where(VerificationRequest.month == month, ~answered)
    return bool(await session.scalar(select(waiting)))


async def insert(session: AsyncSession, row: MonthVerification | VerificationRequest) -> None:
    session.add(row)
    await session.flush()


async def find_latest(session: AsyncSession, month: Month) -> MonthVerification | None:
    """Return the last verification of a month."""
    statement = (
        select(MonthVerification)
        .where(MonthVerification.month == month)
        .order_by(MonthVerification.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_counts(
    session: AsyncSession, months: Collection[Month] | None = None
) -> Mapping[Month, Counts]:
    """Return what the last verification of each month has counted.

    One that found nothing but left something out says nothing against an earlier one. months: None
    for all that have one.
    """
    made = MonthVerification
    is_conclusive = or_(made.difference_count > 0, made.left_out_count == 0)
    latest = (
        select(made.month, made.difference_count, made.left_out_count)
        .ext(distinct_on(made.month))
        .order_by(made.month, is_conclusive.desc(), made.id.desc())
    )
    if months is not None:
        latest = latest.where(made.month.in_(months))
    rows = await session.execute(latest)
    return {month: Counts(differences, left_out) for month, differences, left_out in rows}
