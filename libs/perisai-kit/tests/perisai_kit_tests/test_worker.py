"""The worker's tasks run one at a time, survive crashes and stop after the item in hand."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import BranchOpened
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.runtime.graceful import finish
from perisai_kit.services.worker import Periodic, Worker
from perisai_kit.testing.plugin import Urls


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_published_reaches_a_subscription_of_the_worker(
    kit_database: Database,
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def on_opened(session: AsyncSession, event: BranchOpened) -> None:
        await heard.put(event.branch_code)

    signals = Signals()
    kit_database.after_publish = signals.published.send
    source = LocalFeed(kit_database, source="kit", signals=signals)
    subscription = Subscription(name="heard", source=source, handlers={BranchOpened: on_opened})
    worker = Worker(kit_database, signals=signals, subscriptions=[subscription])

    running = asyncio.create_task(worker.run())
    async with kit_database.begin() as session:
        await publish(session, BranchOpened(branch_code="B1", region_code="R1"))
    async with asyncio.timeout(30):
        code = await heard.get()
    await stop(running)

    assert code == "B1"
    assert running.cancelled()


async def test_a_stopped_worker_ends_the_item_in_hand(kit_database: Database) -> None:
    began, release, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(_: Database) -> None:
        began.set()
        await release.wait()
        done.set()

    running = asyncio.create_task(Worker(kit_database, periodic=[Periodic("work", 60, work)]).run())
    await began.wait()
    running.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.wait([running])

    assert done.is_set()


async def test_an_item_that_does_not_end_in_time_is_cancelled() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running = asyncio.create_task(finish(endless(), grace_s=0.05))
    await began.wait()
    running.cancel()
    await asyncio.wait([running])

    assert cancelled.is_set()
    assert running.cancelled()


async def test_a_crashed_task_is_counted_and_runs_again_beside_the_others(
    kit_database: Database,
) -> None:
    ran, again, calm = [], asyncio.Event(), asyncio.Event()

    async def crash(_: Database) -> None:
        ran.append("crash")
        if len(ran) == 1:
            raise RuntimeError("a bug")
        again.set()

    async def work(_: Database) -> None:
        calm.set()

    periodic: Sequence[Periodic] = [Periodic("crash", 60, crash), Periodic("calm", 60, work)]
    running = asyncio.create_task(Worker(kit_database, periodic=periodic).run())
    async with asyncio.timeout(30):
        await again.wait()
        await calm.wait()
    await stop(running)

    assert len(ran) == 2
    assert REGISTRY.get_sample_value("perisai_worker_crashes_total", {"task": "crash"}) == 1


async def test_two_tasks_of_one_name_are_refused(kit_database: Database) -> None:
    async def work(_: Database) -> None: ...

    with pytest.raises(ValueError, match="same name"):
        Worker(kit_database, periodic=[Periodic("work", 1, work), Periodic("work", 2, work)])


STANDALONE = """
import asyncio
import os
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import configure_logging
from perisai_kit.services.worker import Periodic, Worker, run_standalone

async def work(database):
    os.write(1, type(asyncio.get_running_loop()).__module__.encode())

def create_worker():
    configure_logging(service="kit")
    return Worker(Database(os.environ["URL"]), periodic=[Periodic("work", 60, work)])

run_standalone(create_worker)
"""


async def test_a_worker_of_its_own_runs_on_the_loop_of_services_and_stops_at_sigterm(
    kit_urls: Urls,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STANDALONE,
        env={**os.environ, "URL": kit_urls.app},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None

    async with asyncio.timeout(60):
        said = await process.stdout.readexactly(6)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    assert (said, code) == (b"uvloop", 0)
