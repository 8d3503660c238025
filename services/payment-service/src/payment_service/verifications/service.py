"""Make verifications of closed months, keep them, and say what they found."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.verifications import queries, rules
from payment_service.verifications.models import MonthVerification, VerificationRequest
from payment_service.verifications.rules import Verified, find_verdict
from perisai_kit.db.engine import Database, allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

VERIFY_MINUTES = 60
"""To compute a month of many millions of payments; it locks nothing that others wait for."""
AGAIN_AFTER = timedelta(minutes=10)
"""Until what was left out of a month should be computed."""


@dataclass(frozen=True, slots=True)
class Due:
    """A month to be verified; request_id: of the officer who asked once more."""

    month: Month
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many closed months have no whole verification, and how many one that differs."""

    pending: int
    differing: int


async def verify(
    database: Database, month: Month, *, request_id: UUID | None = None
) -> MonthVerification:
    """Compute a closed month anew, compare it, and store the result.

    It reads in a transaction that can write nothing, and stores in another one.
    Raises: MonthOpen.
    """
    started_at = clock.now()
    async with database.read() as session:
        await allow_minutes(session, VERIFY_MINUTES)
        opinion = await queries.compute(session, month)
    if not opinion.is_closed:
        raise rules.MonthOpen
    figures = asdict(opinion)
    del figures["is_closed"]
    made = MonthVerification(
        id=new_id(),
        month=month,
        request_id=request_id,
        started_at=started_at,
        finished_at=clock.now(),
        sql_sha256=queries.VERIFY_SHA256,
        **figures,
    )
    async with database.begin() as session:
        await queries.insert(session, made)
    return made


async def list_due(session: AsyncSession, *, limit: int) -> list[Due]:
    """Return closed months without a verification, then those asked for once more.

    One that left something out is made again after a while.
    """
    pending = await queries.list_pending(session, before=clock.now() - AGAIN_AFTER, limit=limit)
    asked = await queries.list_requests(session, limit=limit)
    due = [Due(month, None) for month in pending]
    return [*due, *(Due(each.month, each.id) for each in asked)][:limit]


async def request(session: AsyncSession, month: Month, *, by: UUID) -> VerificationRequest:
    """Ask for a further verification of a closed month; the worker makes it.

    Raises: MonthOpen, VerificationRequested.
    """
    if not await queries.is_closed(session, month):
        raise rules.MonthOpen
    if await queries.has_request(session, month):
        raise rules.VerificationRequested
    asked = VerificationRequest(id=new_id(), month=month, requested_by=by, requested_at=clock.now())
    await queries.insert(session, asked)
    return asked


async def is_requested(session: AsyncSession, month: Month) -> bool:
    """Tell whether a further verification of a month waits to be made."""
    return await queries.has_request(session, month)


async def get_latest(session: AsyncSession, month: Month) -> MonthVerification:
    """Return the last verification of a month. Raises: MonthNotVerified."""
    found = await queries.find_latest(session, month)
    if found is None:
        raise rules.MonthNotVerified
    return found


async def find_verdicts(session: AsyncSession, months: Collection[Month]) -> dict[Month, Verified]:
    """Return what the last verification of each of these months says."""
    counts = await queries.list_counts(session, months) if months else {}
    return {month: find_verdict(counts.get(month)) for month in months}


async def list_unproven(session: AsyncSession) -> list[Month]:
    """Return the closed months whose verification does not agree."""
    verdicts = await find_verdicts(session, await queries.list_closed(session))
    return [month for month, verdict in verdicts.items() if verdict is not Verified.AGREES]


async def measure(session: AsyncSession, *, limit: int) -> Standing:
    """Return how many closed months are not proven. limit: the most that are counted as pending."""
    pending = await queries.list_pending(session, before=clock.now(), limit=limit)
    verdicts = [find_verdict(each) for each in (await queries.list_counts(session)).values()]
    return Standing(len(pending), verdicts.count(Verified.DIFFERS))


async def find_faults(session: AsyncSession) -> list[str]:
    """Compute every closed month anew; return a sentence for each that differs. For audits."""
    found = []
    for month in await queries.list_closed(session):
        opinion = await queries.compute(session, month)
        if opinion.difference_count:
            names = sorted({each["name"] for each in opinion.differences})
            found.append(f"{opinion.difference_count} differences in {month}: {', '.join(names)}")
    return found
