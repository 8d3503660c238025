"""What the worker's steps of a run have in common: a failure is stored, and tried again later."""

from collections.abc import Awaitable
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from payment_service.payout_runs.service import record_failure
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger

DATABASE_FAILED = "database_failed"

log = get_logger()


async def take_step(database: Database, run_id: UUID, step: Awaitable[bool]) -> bool:
    """Take a step of a run; return what it returns, or False after a failure.

    Raises: SQLAlchemyError, which counts as a crash of the task; the task starts again.
    """
    try:
        return await step
    except DomainError as problem:
        await _record(database, run_id, problem.code)
        return False
    except SQLAlchemyError:
        await _record(database, run_id, DATABASE_FAILED)
        raise


async def _record(database: Database, run_id: UUID, code: str) -> None:
    log.warning("payout_run.delayed", run_id=str(run_id), code=code)
    async with database.begin() as session:
        await record_failure(session, run_id, code)
