"""The worker's part: a verification of every month that was closed."""

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.verifications import service
from payment_service.verifications.models import MonthVerification
from payment_service.verifications.rules import Verified
from payment_service.verifications.service import Due
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

SHOWN = 10
"""Differences in the log; the rest is stored with the month."""
COUNTED = 1_000

log = get_logger()
pending = Gauge("perisai_months_unverified", "Closed months without a whole verification.")
differing = Gauge("perisai_months_differing", "Closed months whose verification differs.")


async def is_due(session: AsyncSession) -> bool:
    """Tell whether a month waits to be verified."""
    return bool(await service.list_due(session, limit=1))


class Verifier:
    """Verifies the months that are due, one a turn. One that fails waits for the others."""

    def __init__(self) -> None:
        self._failed: list[Due] = []

    async def run(self, database: Database) -> bool:
        """Verify the next month that is due; return whether there is more. Measures in any case."""
        async with database.read() as session:
            due = await service.list_due(session, limit=COUNTED)
        waiting = [each for each in due if each not in self._failed]
        if not waiting:
            waiting, self._failed = due, []
        try:
            if waiting:
                await self._verify(database, waiting[0])
        finally:
            await _measure(database)
        return len(waiting) > 1

    async def _verify(self, database: Database, due: Due) -> None:
        try:
            tell(await service.verify(database, due.month, request_id=due.request_id))
        except Exception:
            self._failed.append(due)
            raise


async def _measure(database: Database) -> None:
    async with database.read() as session:
        standing = await service.measure(session, limit=COUNTED)
    pending.set(standing.pending)
    differing.set(standing.differing)


def tell(made: MonthVerification) -> None:
    """Log a result: a difference is an alarm."""
    said = {
        "month": str(made.month),
        "lines": made.line_count,
        "statements": made.statement_count,
        "transfers": made.transfer_count,
        "left_out": made.left_out_count,
    }
    match made.verdict:
        case Verified.AGREES:
            log.info("month.verified", **said)
        case Verified.PENDING:
            log.info("month_verification.delayed", **said)
        case Verified.DIFFERS:
            log.error(
                "month.differed",
                **said,
                differences=made.difference_count,
                first=made.differences[:SHOWN],
            )
