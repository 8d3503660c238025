"""Work on any number of rows, in short transactions, for a bounded time."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Select,
    column,
    delete,
    func,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from perisai_kit.db.engine import Database

BATCH = 5_000
"""Rows a transaction deletes: some hundred milliseconds on a busy server."""
RUN_S = 30.0
"""What one turn of periodic work may take; then it says that there is more."""

Step = Callable[[AsyncSession, int], Awaitable[int]]
"""Works on at most so many rows in the session's transaction; returns how many there were."""


async def run_in_batches(
    database: Database, *steps: Step, batch: int = BATCH, run_s: float = RUN_S
) -> bool:
    """Run each step again and again until it finds fewer rows than a batch.

    Each batch is a transaction of its own. Returns whether there may be more, because `run_s`
    seconds were over; at least one batch is done in any case.
    """
    deadline = time.monotonic() + run_s
    for step in steps:
        while True:
            async with database.begin() as session:
                count = await step(session, batch)
            if count < batch:
                break
            if time.monotonic() >= deadline:
                return True
    return False


@dataclass(frozen=True, slots=True)
class Old:
    """Rows to delete: those whose `column` is less than `before`.

    column: has an index, alone or behind what `where` fixes.
    """

    column: InstrumentedAttribute[Any]
    before: object
    where: ColumnElement[bool] = true()  # noqa: RUF009 - a constant of the library

    async def delete_batch(self, session: AsyncSession, limit: int) -> int:
        """Delete at most `limit` of them, the least first; return how many there were."""
        result = await session.execute(self._statement(limit))
        assert isinstance(result, CursorResult)
        return result.rowcount

    def _statement(self, limit: int) -> Delete:
        # By the rows' places: through the keys, the planner may read the whole table each time. A
        # row that is changed meanwhile has another place and stays.
        places: Select[Any] = (
            select(column("ctid"))
            .select_from(self.column.class_)
            .where(self.column < self.before, self.where)
            .order_by(self.column)
            .limit(limit)
            .correlate(None)
        )
        chosen = column("ctid") == func.any(func.array(places.scalar_subquery()))
        return delete(self.column.class_).where(chosen).execution_options(synchronize_session=False)


async def delete_old(database: Database, *old: Old, run_s: float = RUN_S) -> bool:
    """Delete all these rows in short transactions; return whether `run_s` was too short for it."""
    return await run_in_batches(database, *(each.delete_batch for each in old), run_s=run_s)
