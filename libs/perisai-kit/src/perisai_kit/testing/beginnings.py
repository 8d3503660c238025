"""What several tests begin with: made once, and as it was for each of them.

A beginning is some steps in one transaction, which is kept open. A test gets a savepoint after the
last of its steps, and what it does is rolled back. The next test takes only the steps that are not
taken yet; steps that are not its own are undone first. So no test sees what is not of its own
beginning, in whatever order they run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from perisai_kit.db.engine import Database
from perisai_kit.domain import clock

Step: TypeAlias = Callable[[Database, Any], Awaitable[Any]]
"""Makes something of what the step before it made (None at first), and returns what tests need.

Steps that are equal are the same step, so a fixture that gives one lives as long as a module.
"""


@dataclass(frozen=True)
class Begun:
    """A test's database, and its own copy of what the last step returned (None without one)."""

    database: Database
    made: Any = None


@dataclass(frozen=True)
class _Taken:
    step: Step
    savepoint: AsyncTransaction
    made: Any
    ended_at: datetime | None
    """By the test clock, if the step has moved it."""


@asynccontextmanager
async def open_rolled_back(database: Database) -> AsyncIterator[AsyncConnection]:
    """Open a transaction of a whole test, or of several, that is rolled back at the end."""
    async with database.engine.connect() as connection:
        outer = await connection.begin()
        # The machine may be busy.
        await connection.execute(text("SET LOCAL transaction_timeout = 0"))
        yield connection
        await outer.rollback()


class Beginnings:
    """The beginning that is kept open, of one database."""

    def __init__(self, database: Database, clock_file: Path) -> None:
        self._database, self._clock_file = database, clock_file
        self._open = AsyncExitStack()
        self._connection: AsyncConnection | None = None
        self._taken: list[_Taken] = []

    @asynccontextmanager
    async def begin(self, steps: Sequence[Step]) -> AsyncIterator[Begun]:
        """Give a test its database after these steps; without any, a transaction of its own."""
        if not steps:
            await self.end()
            async with open_rolled_back(self._database) as connection:
                yield Begun(Database.joined(self._database, connection))
            return
        connection = await self._reach(steps)
        savepoint = await connection.begin_nested()
        last = self._go_on()
        yield Begun(Database.joined(self._database, connection), deepcopy(last.made))
        await savepoint.rollback()

    async def end(self) -> None:
        """Undo every step."""
        self._taken.clear()
        self._connection = None
        await self._open.aclose()

    async def _reach(self, steps: Sequence[Step]) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._open.enter_async_context(
                open_rolled_back(self._database)
            )
        while [each.step for each in self._taken] != list(steps[: len(self._taken)]):
            await self._taken.pop().savepoint.rollback()
        for step in steps[len(self._taken) :]:
            await self._take(self._connection, step)
        return self._connection

    async def _take(self, connection: AsyncConnection, step: Step) -> None:
        before = deepcopy(self._go_on().made) if self._taken else None
        savepoint = await connection.begin_nested()
        try:
            made = await step(Database.joined(self._database, connection), before)
        except BaseException:
            await savepoint.rollback()
            raise
        ended_at = clock.now() if clock.offset() else None
        self._taken.append(_Taken(step, savepoint, made, ended_at))

    def _go_on(self) -> _Taken:
        """Let it be when the last step ended."""
        last = self._taken[-1]
        if last.ended_at is not None:
            clock.follow_test_clock(self._clock_file, sandbox=True)
            clock.set_test_clock(self._clock_file, last.ended_at)
        return last
