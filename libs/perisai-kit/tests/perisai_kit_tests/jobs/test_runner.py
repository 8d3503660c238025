"""Jobs run at least once, whatever happens to a worker; what fails is kept."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from perisai_kit_tests.jobs.conftest import record
from prometheus_client import REGISTRY
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.jobs.failures import list_failed
from perisai_kit.jobs.queue import (
    Job,
    Payload,
    count_jobs,
    enqueue_all,
)
from perisai_kit.jobs.runner import Handler, JobRunner, Retries, every_hour
from perisai_kit.services.worker import Worker
from perisai_kit.testing.plugin import Urls

WAIT_S = 60
AT_ONCE = Retries(attempts=3, first_s=0.0, max_s=0.0)
ReadEffects = Callable[[], Awaitable[list[str]]]

KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import text
from perisai_kit.db.engine import Database
from perisai_kit.jobs.failures import list_failed
from perisai_kit.jobs.runner import JobRunner

async def main():
    database = Database(sys.argv[1])

    async def have_effect_and_die(database, payload):
        async with database.begin() as session:
            await session.execute(
                text("INSERT INTO effects VALUES (:key)"), {"key": payload["key"]}
            )
        os.kill(os.getpid(), signal.SIGKILL)

    await JobRunner({"send": have_effect_and_die}).run(database)

asyncio.run(main())
"""


@asynccontextmanager
async def running(
    database: Database, handler: Handler, *, abandoned_s: float = 30
) -> AsyncIterator["asyncio.Task[None]"]:
    runner = JobRunner({"send": handler}, retries=AT_ONCE, abandoned_s=abandoned_s, poll_s=0.2)
    task = asyncio.create_task(runner.run(database))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def order(database: Database, *keys: str) -> None:
    async with database.begin() as session:
        jobs = [Job("send", {"key": key}, dedupe_key=key) for key in keys]
        assert await enqueue_all(session, jobs) == len(keys)


async def count(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {status: number for (_, status), number in (await count_jobs(session)).items()}


async def wait_until_done(database: Database) -> None:
    async with asyncio.timeout(WAIT_S):
        while (await count(database)).keys() & {"queued", "picked"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_job_is_done_and_gone(queue_database: Database, read_effects: ReadEffects) -> None:
    await order(queue_database, "a", "b", "c")

    async with running(queue_database, record):
        await wait_until_done(queue_database)

    assert await read_effects() == ["a", "b", "c"]
    assert await count(queue_database) == {}


async def test_a_job_of_a_worker_killed_after_its_effect_runs_again_and_has_it_once(
    kit_urls: Urls, queue_database: Database, read_effects: ReadEffects
) -> None:
    await order(queue_database, "a")
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, kit_urls.app)
    async with asyncio.timeout(WAIT_S):
        assert await killed.wait() == -signal.SIGKILL
    after_the_kill = await read_effects(), await count(queue_database)
    runs = 0

    async def send(database: Database, payload: Payload) -> None:
        nonlocal runs
        runs += 1
        await record(database, payload)

    async with running(queue_database, send, abandoned_s=1):
        await wait_until_done(queue_database)

    assert after_the_kill == (["a"], {"picked": 1})
    assert runs == 1
    assert await read_effects() == ["a"]


async def test_the_library_runs_only_while_there_is_a_job(
    queue_database: Database, read_effects: ReadEffects
) -> None:
    """Its loop wakes ten times a second."""

    def is_library_awake() -> bool:
        names = {getattr(each.get_coro(), "__qualname__", "") for each in asyncio.all_tasks()}
        return any("periodic_flush" in name for name in names)

    async with running(queue_database, record):
        for key in ("a", "b"):
            await order(queue_database, key)
            await wait_until_done(queue_database)
            async with asyncio.timeout(WAIT_S):
                while is_library_awake():  # noqa: ASYNC110 - nothing tells it
                    await asyncio.sleep(0.05)

    assert await read_effects() == ["a", "b"]


async def test_two_workers_share_the_jobs(
    queue_database: Database, read_effects: ReadEffects
) -> None:
    keys = [f"{n:03}" for n in range(60)]
    seen: list[tuple[str, str | int]] = []

    def handler(worker: str) -> Handler:
        async def send(database: Database, payload: Payload) -> None:
            seen.append((worker, payload["key"]))
            await record(database, payload)

        return send

    await order(queue_database, *keys)
    async with running(queue_database, handler("1")), running(queue_database, handler("2")):
        await wait_until_done(queue_database)

    assert sorted(key for _, key in seen) == keys
    assert {worker for worker, _ in seen} == {"1", "2"}
    assert await read_effects() == keys


async def test_a_failure_is_tried_again_and_then_kept_without_its_text(
    queue_database: Database,
) -> None:
    runs = 0

    async def fail(_: Database, payload: Payload) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("account 1234567890")

    await order(queue_database, "a")
    async with running(queue_database, fail):
        await wait_until_done(queue_database)

    async with queue_database.read() as session:
        (failed,) = await list_failed(session)
        logged = list(await session.scalars(text("SELECT traceback::text FROM pgqueuer_log")))
    assert runs == AT_ONCE.attempts
    assert (failed.entrypoint, failed.error, failed.attempts) == ("send", "ValueError", 3)
    assert "ValueError" in str(logged)
    assert "1234567890" not in str(logged)


async def test_a_stopped_worker_ends_the_job_in_hand(
    queue_database: Database, read_effects: ReadEffects
) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def send(database: Database, payload: Payload) -> None:
        began.set()
        await release.wait()
        await record(database, payload)

    await order(queue_database, "a")
    async with running(queue_database, send) as task:
        await began.wait()
        task.cancel()
        await asyncio.sleep(0)
        release.set()
        await asyncio.wait([task])

    assert await read_effects() == ["a"]
    assert await count(queue_database) == {}


async def test_a_job_that_does_not_end_is_left_to_another_worker(
    queue_database: Database, read_effects: ReadEffects
) -> None:
    began = asyncio.Event()

    async def hang(_: Database, payload: Payload) -> None:
        began.set()
        await asyncio.Event().wait()

    await order(queue_database, "a")
    runner = JobRunner({"send": hang}, grace_s=0.1)
    task = asyncio.create_task(runner.run(queue_database))
    await began.wait()
    task.cancel()
    await asyncio.wait([task])

    assert await count(queue_database) == {"picked": 1}
    async with running(queue_database, record, abandoned_s=1):
        await wait_until_done(queue_database)
    assert await read_effects() == ["a"]


async def test_no_more_jobs_run_at_once_than_a_worker_may(queue_database: Database) -> None:
    at_once = most = 0

    async def send(_: Database, payload: Payload) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    await order(queue_database, *map(str, range(30)))
    async with running(queue_database, send):
        await wait_until_done(queue_database)

    assert 2 <= most <= 4


async def test_the_worker_of_a_service_runs_jobs_and_counts_them(
    queue_database: Database, read_effects: ReadEffects
) -> None:
    await order(queue_database, "a")
    runner = JobRunner({"send": record}, poll_s=0.2)
    task = asyncio.create_task(Worker(queue_database, jobs=runner).run())
    await wait_until_done(queue_database)
    async with asyncio.timeout(WAIT_S):
        while _waiting() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])

    assert await read_effects() == ["a"]
    assert task.cancelled()


async def test_old_lines_of_the_queues_log_are_forgotten(queue_database: Database) -> None:
    await order(queue_database, "a", "b")
    insert = "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint) VALUES "
    async with queue_database.begin() as session:
        await session.execute(text(f"{insert} (now() - interval '31 days', 1, 'queued', 0, 'x')"))

    assert not await every_hour(queue_database)

    async with queue_database.read() as session:
        left = list(await session.scalars(text("SELECT entrypoint FROM pgqueuer_log")))
    assert left == ["send", "send"]


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [Retries(first_s=1, max_s=10).pause(n).total_seconds() for n in (1, 2, 3, 4, 5, 9)]

    assert pauses == [1, 2, 4, 8, 10, 10]


def _waiting() -> float | None:
    return REGISTRY.get_sample_value("perisai_jobs", {"entrypoint": "send", "status": "failed"})
