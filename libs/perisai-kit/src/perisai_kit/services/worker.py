"""Background work of a service: the sequencer, subscriptions, periodic tasks and jobs.

It runs inside the service's process with RUN_WORKER=1, or as its own process. Any number can run,
because locks in the database decide which one works. A cancelled worker finishes its current item.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

import uvloop
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.db.lease import take_lease
from perisai_kit.db.partitions.tables import PartitionedTable
from perisai_kit.db.partitions.watch import measure
from perisai_kit.events.sequencer import Sequencer
from perisai_kit.events.signals import Signal, Signals
from perisai_kit.events.subscription import Subscription, measure_subscriptions
from perisai_kit.jobs.runner import JobRunner
from perisai_kit.runtime.graceful import finish
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.ticks import MEASURE_EVERY_S, until_tick

RESTART_S = 1.0
MAX_RESTART_S = 30.0
"""The longest pause before a crashed task runs again; the pause doubles each time."""
WATCH_EVERY_S = 300.0
LEASE_S = 30.0
AGAIN_S = 5.0
"""Pause before work that returned that there is more."""
UNASKED_S = 60.0
"""How often a task runs although the answer to its question is no: for its metrics, and in case the
question is wrong."""

log = get_logger()

crashes_total = Counter(
    "perisai_worker_crashes_total", "Crashes of a task of the worker.", ["task"]
)


class Turn(Enum):
    """The result of one turn of periodic work. Skipped: another process holds the lease."""

    DONE = auto()
    PARTIAL = auto()
    SKIPPED = auto()


@dataclass(frozen=True, slots=True)
class Periodic:
    """A periodic task, run by one process at a time.

    run: async (database), bounded. It returns True if there is more to do. It must write with the
    given database only, which refuses after another process has taken over. With several processes
    it may run more often than `every_s`, but never concurrently.
    lease_s: how long another process waits after a process was killed.
    is_due: async (session), a cheap question that only reads. With it, the task is asked every
    `every_s` without a lease, and runs if the answer is yes, and every `UNASKED_S`. An idle turn
    with a lease is three transactions; the questions of all tasks are one.
    """

    name: str
    every_s: float
    run: Callable[[Database], Awaitable[bool | None]]
    lease_s: float = LEASE_S
    is_due: Callable[[AsyncSession], Awaitable[bool]] | None = None

    async def run_for_ever(self, database: Database, *, due: Signal) -> None:
        """Run now, and then every `every_s` or when `due` is sent, until cancelled."""
        rest_s = self.every_s if self.is_due is None else max(self.every_s, UNASKED_S)
        turn = await finish(self.run_once(database))
        if turn is Turn.SKIPPED:
            # A killed process may find its own lease when it starts again.
            await asyncio.sleep(min(self.every_s, self.lease_s))
            turn = await finish(self.run_once(database))
        while True:
            pause = min(self.every_s, AGAIN_S) if turn is Turn.PARTIAL else rest_s
            await due.wait(due.count, pause)
            turn = await finish(self.run_once(database))

    async def run_once(self, database: Database) -> Turn:
        """Run unless another process does.

        Raises: LeaseLost, with the work cancelled, if another process may have taken over.
        """
        lease = await take_lease(database, self.name, length_s=self.lease_s)
        if lease is None:
            return Turn.SKIPPED
        return Turn.PARTIAL if await lease.run(self.run) else Turn.DONE


class Worker:
    """The background tasks of one service. A crashed task is logged, counted and restarted."""

    def __init__(
        self,
        database: Database,
        *,
        signals: Signals | None = None,
        subscriptions: Sequence[Subscription] = (),
        periodic: Sequence[Periodic] = (),
        partitioned: Sequence[PartitionedTable] = (),
        jobs: JobRunner | None = None,
    ) -> None:
        """signals: those of the feed route in the same process, if any.

        partitioned: the tables whose partitions are measured. jobs: what runs those of the queue.
        """
        if signals is None:
            signals = Signals()
            database.after_publish = signals.published.send
        self.database = database
        self._signals = signals
        self._sequencer = Sequencer(database, signals=signals)
        self._subscriptions = subscriptions
        self._periodic = periodic
        self._due = {each.name: Signal() for each in periodic}
        self._partitioned = partitioned
        self._jobs = jobs
        self._tasks = self._named_tasks()

    async def run(self) -> None:
        """Run until cancelled; then return when every task has finished its item."""
        async with asyncio.TaskGroup() as group:
            for name, run in self._tasks.items():
                group.create_task(_keep_running(name, run), name=name)

    def _named_tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        database = self.database
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            "sequencer": self._sequencer.run,
            "figures": self._measure_for_ever,
            "partitions": self._watch_partitions,
        }
        if any(each.is_due is not None for each in self._periodic):
            tasks["questions"] = self._ask_for_ever
        given: list[tuple[str, Callable[[Database], Awaitable[None]]]] = [
            (each.name, partial(each.run, signals=self._signals)) for each in self._subscriptions
        ]
        given += [
            (each.name, partial(each.run_for_ever, due=self._due[each.name]))
            for each in self._periodic
        ]
        if self._jobs is not None:
            given.append(("jobs", self._jobs.run))
        for name, run in given:
            if name in tasks:
                raise ValueError(f"two tasks of a worker have the same name: {name}")
            tasks[name] = _bind(run, database)
        return tasks

    async def _ask_for_ever(self) -> None:
        """Ask what is due, in one transaction, and wake the tasks of which it is."""
        questions = [(self._due[each.name], each.is_due) for each in self._periodic if each.is_due]
        every_s = min(each.every_s for each in self._periodic if each.is_due)
        while True:
            await asyncio.sleep(until_tick(every_s))
            async with self.database.read() as session:
                for due, is_due in questions:
                    if await is_due(session):
                        due.send()

    async def _measure_for_ever(self) -> None:
        names = [each.name for each in self._subscriptions]
        while True:
            async with self.database.read() as session:
                await measure_subscriptions(session, names)
            await asyncio.sleep(until_tick(MEASURE_EVERY_S))

    async def _watch_partitions(self) -> None:
        while True:
            await measure(self.database, self._partitioned)
            await asyncio.sleep(WATCH_EVERY_S)


def _bind(
    run: Callable[[Database], Awaitable[None]], database: Database
) -> Callable[[], Awaitable[None]]:
    return lambda: run(database)


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    pause = RESTART_S
    while True:
        began = time.monotonic()
        try:  # a crashed task must not stop the others
            await run()
        except Exception as error:
            log.error("task.crashed", task=name, exc_info=error)
        else:
            log.error("task.ended", task=name)
        crashes_total.labels(name).inc()
        if time.monotonic() - began > MAX_RESTART_S:
            pause = RESTART_S
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_RESTART_S)


async def run_until_stopped(worker: Worker) -> None:
    """Run the worker until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(worker.run())
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("worker.stopped")


def run_standalone(create_worker: Callable[[], Worker]) -> None:
    """Run a worker as a process of its own.

    create_worker: called inside the event loop, because clients and engines belong to a loop.
    """

    async def main() -> None:
        worker = create_worker()
        try:
            await run_until_stopped(worker)
        finally:
            await worker.database.dispose()

    uvloop.run(main())
