"""The worker's part of a close: one step after another, until the month is closed."""

from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service
from payment_service.settings import Settings
from perisai_kit.db.bulk import run_steps
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Conflict
from perisai_kit.runtime.log import get_logger

BATCH = 2_000
"""Statements of one transaction: some hundred milliseconds."""
DATABASE_FAILED = "database_failed"

log = get_logger()


class Closer:
    """Closes the months that two people agreed on."""

    def __init__(self, settings: Settings, *, batch: int = BATCH) -> None:
        self._settings = settings
        self._batch = batch

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a close waits for its next step."""
        return await service.has_open(session)

    async def run(self, database: Database) -> bool:
        """Take steps until nothing is left to do; return whether there is more."""
        return await run_steps(partial(self._step, database))

    async def _step(self, database: Database) -> bool:
        """Take a step in its own transaction; a failure is stored, and it is tried again later."""
        try:
            async with database.begin() as session:
                return await service.step(session, batch=self._batch, settings=self._settings)
        except Conflict as problem:
            await self._record(database, problem.code)
            return False
        except SQLAlchemyError:
            await self._record(database, DATABASE_FAILED)
            raise  # counted as a crash of the task, which starts again

    async def _record(self, database: Database, code: str) -> None:
        log.warning("month_closing.delayed", code=code)
        async with database.begin() as session:
            await service.record_failure(session, code)
