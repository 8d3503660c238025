"""Run jobs, in a worker."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
from prometheus_client import Counter, Gauge

from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.connections import DIRECT_SETTINGS
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.jobs.library import CHANNEL, Connection, get_drain_mode, make_manager
from perisai_kit.jobs.queue import Payload, count_jobs, forget_log
from perisai_kit.runtime.graceful import GRACE_S
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.ticks import MEASURE_EVERY_S, until_tick

if TYPE_CHECKING:
    from pgqueuer.core.qm import QueueManager
    from pgqueuer.domain.models import Job as StoredJob

CONNECT_TIMEOUT_S = 10.0
POLL_S = 10.0
"""How long an idle worker waits for a notification before it looks again."""
_HAS_WORK = """
    SELECT EXISTS (
        SELECT FROM pgqueuer WHERE entrypoint = ANY ($1)
            AND (status = 'queued' AND execute_after <= now()
                OR status = 'picked' AND heartbeat < now() - $2::interval))
"""
KEEP_LOG = timedelta(days=30)
STATUSES = ("queued", "picked", "failed")

log = get_logger()

jobs_waiting = Gauge("perisai_jobs", "Jobs of the queue by status.", ["entrypoint", "status"])
jobs_failed_total = Counter(
    "perisai_job_failures_total", "Failed attempts at a job, repeated or not.", ["entrypoint"]
)

Handler = Callable[[Database, Payload], Awaitable[None]]
"""Does a job, in transactions of its own. It may run twice, and twice at once."""


class JobFailed(Exception):
    """A job failed for good. Its text is the class of the error, which may name persons."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a job is tried, and when again: after first_s, doubling, at most max_s."""

    attempts: int = 8
    first_s: float = 1.0
    max_s: float = 300.0

    def pause(self, failures: int) -> timedelta:
        """Return the pause after so many failures. failures: 1 or more."""
        return timedelta(seconds=min(self.first_s * 2 ** (failures - 1), self.max_s))


class JobRunner:
    """Takes jobs from the queue and runs them, in any number of processes.

    A job of a worker that died is taken again when its sign of life is older than `abandoned_s`.
    One that fails is tried again, and kept as failed after the last try.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        concurrency: int = 4,
        retries: Retries | None = None,
        abandoned_s: float = 30.0,
        poll_s: float = POLL_S,
        grace_s: float = GRACE_S,
    ) -> None:
        """handlers: by entrypoint. concurrency: jobs at once in this process, 2 or more.

        grace_s: how long a stop waits for the jobs in hand. Those that take longer are cancelled
        and taken again by another worker.
        """
        assert concurrency >= 2, "the library takes jobs in batches of half as many"
        self._handlers = handlers
        self._concurrency = concurrency
        self._retries = retries or Retries()
        self._abandoned_s = abandoned_s
        self._poll_s = poll_s
        self._grace_s = grace_s

    async def run(self, database: Database) -> None:
        """Run jobs until cancelled. Raises the error of a connection that was lost."""
        connection = await _connect(database)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.measure_for_ever(database))
                await self._work_for_ever(database, connection)
        finally:
            connection.terminate()

    async def _work_for_ever(self, database: Database, connection: Connection) -> None:
        """Run jobs whenever there are any; the library, which never rests, only for so long."""
        notified = asyncio.Event()
        await connection.add_listener(CHANNEL, lambda *_: notified.set())
        abandoned = timedelta(seconds=self._abandoned_s)
        while True:
            notified.clear()
            if await connection.fetchval(_HAS_WORK, list(self._handlers), abandoned):
                manager = make_manager(connection)
                for name, handler in self._handlers.items():
                    run = partial(self._attempt, database, handler)
                    manager.entrypoint(name, accepts_context=False, on_failure="hold")(run)
                await self._work_off(manager, connection)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(until_tick(self._poll_s)):
                    await notified.wait()

    async def _work_off(self, manager: "QueueManager", connection: Connection) -> None:
        """Run jobs until none is left, or until cancelled."""
        running = asyncio.ensure_future(
            manager.run(
                mode=get_drain_mode(),
                dequeue_timeout=timedelta(seconds=self._poll_s),
                batch_size=self._concurrency // 2,
                max_concurrent_tasks=self._concurrency,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=timedelta(seconds=self._abandoned_s),
                log_aggregation_interval=timedelta(0),
            )
        )
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            manager.shutdown.set()
            try:
                await asyncio.wait([running], timeout=self._grace_s)
            finally:
                # Without a connection: the library deletes a job that is cancelled.
                connection.terminate()
                await _cancel(running)
            raise

    async def _attempt(self, database: Database, handler: Handler, job: "StoredJob") -> None:
        from pgqueuer.domain.errors import RetryRequested  # noqa: PLC0415 - see library.py

        began = time.monotonic()
        ids = {"entrypoint": job.entrypoint, "job_id": job.id, "attempt": job.attempts + 1}
        try:
            await handler(database, json.loads(job.payload or b"{}"))
        except Exception as error:
            jobs_failed_total.labels(job.entrypoint).inc()
            log.error("job.failed", **ids, exc_info=error)
            failures, name = job.attempts + 1, type(error).__qualname__
        else:
            log.info("job.finished", **ids, took_ms=round(1000 * (time.monotonic() - began)))
            return
        # Raised outside of the handler above, because the library stores text and cause.
        if failures >= self._retries.attempts:
            raise JobFailed(name)
        raise RetryRequested(self._retries.pause(failures), name)

    async def measure_for_ever(self, database: Database) -> None:
        """Count the jobs for the metrics, until cancelled."""
        while True:
            async with database.read() as session:
                counted = await count_jobs(session)
            for name in self._handlers:
                for status in STATUSES:
                    jobs_waiting.labels(name, status).set(counted.get((name, status), 0))
            await asyncio.sleep(until_tick(MEASURE_EVERY_S))


async def every_hour(database: Database) -> bool:
    """Forget what the queue's log kept for long; return whether there is more."""
    before = clock.real_now() - KEEP_LOG
    return await run_in_batches(database, partial(forget_log, before=before))


async def _cancel(running: "asyncio.Future[None]") -> None:
    # The first cancellation ends the loop, which waits for its jobs; the next one ends those.
    while not running.done():
        running.cancel()
        await asyncio.wait([running], timeout=1)
    if not running.cancelled():
        running.exception()  # marked as retrieved: the cancellation of the worker is raised


async def _connect(database: Database) -> Connection:
    engine = database.direct_engine
    _, options = engine.dialect.create_connect_args(engine.url)
    return await asyncpg.connect(
        **options, timeout=CONNECT_TIMEOUT_S, server_settings=DIRECT_SETTINGS
    )
