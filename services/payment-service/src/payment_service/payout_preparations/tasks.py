"""The worker's part of a preparation: one step after another, until another person can decide."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeesClient
from payment_service.payout_preparations import service
from payment_service.payout_preparations.rules import StatementsTaken
from payment_service.payout_runs import queries as runs
from payment_service.payout_runs.rules import RunStatus
from payment_service.payout_runs.tasks import take_steps
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock

BATCH = 50
"""Payees of one transaction; a wadah may be paid for a hundred agents."""


class Preparer:
    """Prepares the runs that somebody proposed."""

    def __init__(self, settings: Settings, payees: PayeesClient, *, batch: int = BATCH) -> None:
        self._settings = settings
        self._payees = payees
        self._batch = batch

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a run waits to be prepared."""
        return await runs.has_any(session, RunStatus.PREPARING)

    async def run(self, database: Database) -> bool:
        """Take steps until nothing is left to prepare; return whether there is more."""
        return await take_steps(database, RunStatus.PREPARING, self._prepare)

    async def _prepare(self, database: Database, run_id: UUID) -> bool:
        async with database.begin() as session:
            if await service.choose(session, run_id):
                return True
        async with database.read() as session:
            batch = await service.find_batch(session, run_id, size=self._batch)
        if batch is None:
            return False
        # No transaction is open while agent-service is asked.
        details = await self._payees.find(batch.holder_ids, on=clock.today())
        try:
            async with database.begin() as session:
                return await service.store(session, batch, details, self._settings)
        except StatementsTaken:
            return True  # the next look leaves them out
