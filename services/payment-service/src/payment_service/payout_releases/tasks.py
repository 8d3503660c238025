"""The worker's part of a released run: it makes the attempts that the sender takes."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.payout_releases import service
from payment_service.payout_runs import queries as runs
from payment_service.payout_runs.rules import RunStatus
from payment_service.payout_runs.tasks import take_steps
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock

BATCH = 50
"""Payouts of one transaction; one may have the statements of a hundred agents."""


class Releaser:
    """Lets the runs be sent that somebody released, and ends those of which nothing is left."""

    def __init__(self, payees: PayeesClient, *, batch: int = BATCH) -> None:
        self._payees = payees
        self._batch = batch

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a released run waits to be checked or ended."""
        return await runs.has_any(session, RunStatus.RELEASED)

    async def run(self, database: Database) -> bool:
        """Check and end what was released; return whether there is more."""
        return await take_steps(database, RunStatus.RELEASED, self._check_or_finish)

    async def _check_or_finish(self, database: Database, run_id: UUID) -> bool:
        async with database.read() as session:
            batch = await service.find_batch(session, run_id, size=self._batch)
        if batch is None:
            async with database.begin() as session:
                await service.finish(session, run_id)
            return False
        # No transaction is open while agent-service is asked.
        details = await self._payees.find(batch.asked_ids, on=clock.today())
        async with database.begin() as session:
            return await service.check(session, batch, details)
