"""Two people and a worker who close a month in a test, and the books after it."""

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.closings import service as closings
from payment_service.closings.models import Closing
from payment_service.closings.rules import ClosingStatus, ClosingVerdict
from payment_service.months import service as months
from payment_service.months.schemas import CommissionMonthOut
from payment_service.settings import Settings
from payment_service.verifications import service as verifications
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NEVER_MADE = (
    "allocated lines without their transfer",
    "allocations without exactly one event",
    "payments that are not what the ledger received",
)
"""Of payments that no bank has reported."""


async def agree_to_close(session: AsyncSession, month: Month, *, settings: Settings) -> None:
    """Let one person propose to close a month, and another confirm it."""
    await closings.propose(session, month, by=new_id(), settings=settings)
    await closings.decide(
        session, month, verdict=ClosingVerdict.CONFIRMED, by=new_id(), settings=settings
    )


async def close_month(
    session: AsyncSession, month: Month, *, settings: Settings, batch: int = 500
) -> None:
    """Close a month as the worker does once two people agreed, in the transaction of the session.

    The worker checks again what both of them were refused for.
    batch: how many statements are issued at a time.
    """
    now = clock.now()
    session.add(
        Closing(
            id=new_id(),
            month=month,
            status=ClosingStatus.CONFIRMED,
            figures={},  # what the first of them was shown
            proposed_by=new_id(),
            proposed_at=now,
            decided_by=new_id(),
            decided_at=now,
            statement_count=0,
            failure_count=0,
        )
    )
    await session.flush()
    await take_steps(session, batch=batch, settings=settings)


async def take_steps(session: AsyncSession, *, batch: int, settings: Settings) -> None:
    """Let the worker close the months that two people agreed to close."""
    while await closings.step(session, batch=batch, settings=settings):
        pass


async def find_month(session: AsyncSession, month: Month) -> CommissionMonthOut:
    """Return what the list of months says of one that is closed or in which something is earned."""
    page = await months.list_months(session, cursor=None, limit=200)
    return next(each for each in page.items if each.month == month)


async def find_faults(session: AsyncSession) -> list[str]:
    """Return what does not hold in the books and in the verification of closed months."""
    return [*await find_book_faults(session), *await verifications.find_faults(session)]


async def find_book_faults(session: AsyncSession) -> list[str]:
    """Return what does not hold in the books, but that no bank has made these payments."""
    found = await checks.find_faults(session)
    return [each for each in found if not any(known in each for known in NEVER_MADE)]
