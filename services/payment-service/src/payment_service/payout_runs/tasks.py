"""What the worker's steps of runs have in common: a failure is stored, and tried again later."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from payment_service.payout_runs import queries
from payment_service.payout_runs.rules import RunStatus
from payment_service.payout_runs.service import record_failure
from perisai_kit.db.bulk import RUN_S, run_steps
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger

DATABASE_FAILED = "database_failed"

log = get_logger()


Step = Callable[[Database, UUID], Awaitable[bool]]
"""A step of a run; it returns whether there may be another one."""


async def take_steps(database: Database, status: RunStatus, step: Step) -> bool:
    """Take the steps of every run of this status; return whether the time of a turn ended them.

    Raises: SQLAlchemyError, which counts as a crash of the task; the task starts again.
    """
    deadline = time.monotonic() + RUN_S
    async with database.read() as session:
        run_ids = await queries.list_ids(session, status)
    for run_id in run_ids:
        left_s = deadline - time.monotonic()
        if await run_steps(partial(_take_step, database, run_id, step), run_s=left_s):
            return True
    return False


async def _take_step(database: Database, run_id: UUID, step: Step) -> bool:
    try:
        return await step(database, run_id)
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
