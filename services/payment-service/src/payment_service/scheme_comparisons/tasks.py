"""The worker's part of comparisons: one step after another, and their deletion."""

from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.scheme_comparisons import service
from perisai_kit.db.bulk import delete_old, run_steps
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

BATCH = 500
"""Payments, or beneficiaries, of one step: some hundred milliseconds."""
DATABASE_FAILED = "database_failed"

log = get_logger()


class Comparer:
    """Makes the comparisons that somebody asked for."""

    def __init__(self, *, batch: int = BATCH) -> None:
        self._batch = batch

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a comparison waits for its next step."""
        return await service.has_open(session)

    async def run(self, database: Database) -> bool:
        """Take steps until nothing is left to do; return whether there is more."""
        return await run_steps(partial(self._step, database))

    async def _step(self, database: Database) -> bool:
        try:
            async with database.read_snapshot() as session:
                step = await service.compute_step(session, batch=self._batch)
            if step is not None:
                async with database.begin() as session:
                    await service.store_step(session, step)
        except SQLAlchemyError:
            log.warning("scheme_comparison.failed", code=DATABASE_FAILED)
            async with database.begin() as session:
                await service.record_failure(session, DATABASE_FAILED)
            raise  # counted as a crash of the task, which starts again
        return step is not None


async def every_hour(database: Database) -> bool:
    """Delete old comparisons; return whether there are more."""
    return await delete_old(database, *service.list_old())
