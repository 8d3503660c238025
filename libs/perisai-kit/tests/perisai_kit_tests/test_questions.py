"""An idle task of the worker costs a question, and runs when the answer is yes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import REGISTRY
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.worker import Periodic, Worker
from perisai_kit.testing.plugin import Urls

EVERY_S = 0.02
QUESTION = "SELECT 'is anything due'"


class Task:
    """A periodic task that does nothing and counts it."""

    def __init__(self, name: str = "task") -> None:
        self.questions = self.turns = 0
        self.is_waiting = False
        self.periodic = Periodic(name, EVERY_S, self.run, is_due=self.is_due)

    async def is_due(self, session: AsyncSession) -> bool:
        await session.execute(text(QUESTION))
        self.questions += 1
        return self.is_waiting

    async def run(self, _: Database) -> None:
        self.turns += 1
        self.is_waiting = False


@asynccontextmanager
async def working(database: Database, *tasks: Periodic) -> AsyncIterator[None]:
    running = asyncio.create_task(Worker(database, periodic=tasks).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(is_met: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_met():  # noqa: ASYNC110 - the tasks know nothing of the test
            await asyncio.sleep(EVERY_S)


def count_crashes(task: str) -> float:
    return REGISTRY.get_sample_value("perisai_worker_crashes_total", {"task": task}) or 0


async def test_idle_tasks_are_asked_in_one_transaction_and_take_no_lease(
    kit_database: Database,
) -> None:
    first, second = Task("first"), Task("second")
    log: list[str] = []

    @event.listens_for(kit_database.engine.sync_engine, "begin")
    def note_begin(_: Any) -> None:
        log.append("BEGIN")

    @event.listens_for(kit_database.engine.sync_engine, "before_cursor_execute")
    def note_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        log.append(statement)

    async with working(kit_database, first.periodic, second.periodic):
        await until(lambda: sum("UPDATE periodic_leases" in each for each in log) == 2)
        begun, asked = len(log), first.questions
        await until(lambda: first.questions >= asked + 5)

    while_idle = log[begun:]
    assert (first.turns, second.turns) == (1, 1)
    assert not [each for each in while_idle if "periodic_leases" in each]
    assert f"BEGIN;{QUESTION};{QUESTION};BEGIN" in ";".join(while_idle)


async def test_a_task_runs_when_the_answer_is_yes_and_another_does_not(
    kit_database: Database,
) -> None:
    task, calm = Task(), Task("calm")

    async with working(kit_database, task.periodic, calm.periodic):
        await until(lambda: (task.turns, calm.turns) == (1, 1))
        task.is_waiting = True
        await until(lambda: task.turns == 2)
        asked = task.questions
        await until(lambda: task.questions >= asked + 5)

    assert (task.turns, calm.turns) == (2, 1)


async def test_two_processes_with_the_same_answer_never_run_a_task_at_once(
    kit_database: Database, kit_urls: Urls, keyring: Keyring
) -> None:
    other_database = Database(kit_urls.app, keyring=keyring)
    active = most = turns = 0

    async def is_due(_: AsyncSession) -> bool:
        return True

    async def work(database: Database) -> None:
        nonlocal active, most, turns
        active += 1
        most = max(most, active)
        async with database.begin() as session:
            await session.execute(text("SELECT pg_sleep(0.05)"))
        active -= 1
        turns += 1

    task = Periodic("work", EVERY_S, work, is_due=is_due)

    async with working(kit_database, task), working(other_database, task):
        await until(lambda: turns >= 10)
    await other_database.dispose()

    assert most == 1


async def test_a_question_that_fails_is_counted_and_asked_again(kit_database: Database) -> None:
    task, failures = Task(), 0

    async def fail_once(_: AsyncSession) -> bool:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise RuntimeError("a bug")
        return False

    before = count_crashes("questions")
    broken = Periodic("broken", EVERY_S, Task().run, is_due=fail_once)

    async with working(kit_database, broken, task.periodic):
        await until(lambda: task.turns == 1)
        task.is_waiting = True
        await until(lambda: task.turns == 2)

    assert count_crashes("questions") == before + 1
