"""Periodic work is done by one process at a time, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text

from perisai_kit.db.engine import Database
from perisai_kit.db.lease import LeaseLost, take_lease
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.worker import Periodic, Turn
from perisai_kit.testing.plugin import Urls

WRITE = text("INSERT INTO subscriptions (name, position, updated_at) VALUES (:name, 0, now())")


@pytest.fixture
async def other_database(kit_urls: Urls, keyring: Keyring) -> AsyncIterator[Database]:
    """The same database as another process reaches it."""
    database = Database(kit_urls.app, keyring=keyring)
    yield database
    await database.dispose()


class Work:
    """Holds on until it is let go, and knows how many do it at once."""

    def __init__(self) -> None:
        self.began, self.release = asyncio.Event(), asyncio.Event()
        self.active = self.most = self.ends = 0

    async def __call__(self, database: Database) -> None:
        self.active += 1
        self.most = max(self.most, self.active)
        self.began.set()
        try:
            await self.release.wait()
            self.ends += 1
        finally:
            self.active -= 1


async def cut_connections(urls: Urls) -> int:
    """End every connection that the service has to this database; return how many."""
    connection = await asyncpg.connect(urls.app)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"  # autovacuum may be at work too
            )
        )
    finally:
        await connection.close()


async def steal(urls: Urls, name: str) -> None:
    """Let another process hold the lease, as when this one slept for too long."""
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("UPDATE periodic_leases SET fence = fence + 1 WHERE name = $1", name)
    await owner.close()


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(text("SELECT name FROM subscriptions ORDER BY name")))


async def test_two_processes_never_do_the_same_work_at_once_and_take_turns(
    kit_database: Database, other_database: Database
) -> None:
    work = Work()
    periodic = Periodic("work", 60, work)
    first = asyncio.create_task(periodic.run_once(kit_database))
    await work.began.wait()

    second = await periodic.run_once(other_database)
    other = await Periodic("other", 60, lambda _: asyncio.sleep(0)).run_once(other_database)
    work.release.set()

    assert (second, other) == (Turn.SKIPPED, Turn.DONE)
    assert await first is Turn.DONE
    assert await periodic.run_once(other_database) is Turn.DONE
    assert work.most == 1


async def test_work_goes_on_alone_when_every_connection_is_cut(
    kit_database: Database, other_database: Database, kit_urls: Urls
) -> None:
    work = Work()
    periodic = Periodic("work", 60, work)
    first = asyncio.create_task(periodic.run_once(kit_database))
    await work.began.wait()

    cut = await cut_connections(kit_urls)
    turns = [await periodic.run_once(other_database) for _ in range(3)]
    work.release.set()

    assert cut >= 1
    assert turns == [Turn.SKIPPED] * 3
    assert await first is Turn.DONE
    assert (work.most, work.ends) == (1, 1)


async def test_two_workers_with_cut_connections_never_meet(
    kit_database: Database, other_database: Database, kit_urls: Urls
) -> None:
    work = Work()
    work.release.set()

    async def turn(database: Database) -> None:
        await work(database)
        async with database.begin() as session:
            await session.execute(text("SELECT pg_sleep(0.05)"))

    async def keep_at_it(database: Database) -> None:
        while work.ends < 12:
            try:
                await Periodic("work", 60, turn, lease_s=2).run_once(database)
            except Exception:  # noqa: BLE001 - a cut connection, as a worker would log it
                await asyncio.sleep(0.01)

    async def keep_cutting() -> None:
        while work.ends < 12:
            await cut_connections(kit_urls)
            await asyncio.sleep(0.1)

    async with asyncio.timeout(120):
        await asyncio.gather(keep_at_it(kit_database), keep_at_it(other_database), keep_cutting())

    assert work.most == 1


async def test_what_has_lost_its_lease_writes_nothing_more_and_is_cancelled(
    kit_database: Database, kit_urls: Urls
) -> None:
    cancelled = asyncio.Event()

    async def work(database: Database) -> None:
        async with database.begin() as session:
            await session.execute(WRITE, {"name": "before"})
        await steal(kit_urls, "work")
        with pytest.raises(LeaseLost):
            async with database.begin() as session:
                await session.execute(WRITE, {"name": "after"})
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(LeaseLost):
        async with asyncio.timeout(30):
            await Periodic("work", 60, work, lease_s=2).run_once(kit_database)

    assert cancelled.is_set()
    assert await names(kit_database) == ["before"]


async def test_a_taker_waits_for_what_the_former_holder_has_under_way(
    kit_database: Database, other_database: Database, kit_urls: Urls
) -> None:
    held = await take_lease(kit_database, "work", length_s=60)
    assert held is not None
    looking = await asyncpg.connect(kit_urls.app)

    async with kit_database.with_guard(held.check).begin() as session:
        await session.execute(WRITE, {"name": "under way"})
        await looking.execute("UPDATE periodic_leases SET expires_at = now()")
        taking = asyncio.create_task(take_lease(other_database, "work", length_s=60))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with asyncio.timeout(30):
            while not await looking.fetchval(waiting):  # noqa: ASYNC110 - the wait is a row
                await asyncio.sleep(0.02)
        assert not taking.done()
    await looking.close()

    taken = await taking
    assert taken is not None
    assert taken.fence == held.fence + 1
    assert await names(other_database) == ["under way"]
    with pytest.raises(LeaseLost):
        async with kit_database.with_guard(held.check).begin():
            pass


async def test_long_work_keeps_its_lease(kit_database: Database, other_database: Database) -> None:
    began = asyncio.Event()

    async def work(database: Database) -> None:
        began.set()
        async with database.begin() as session:
            await session.execute(text("SELECT pg_sleep(5)"))
            await session.execute(WRITE, {"name": "long"})

    running = asyncio.create_task(Periodic("work", 60, work, lease_s=3).run_once(kit_database))
    await began.wait()
    turns = set()
    while not running.done():
        turns.add(await Periodic("work", 60, work, lease_s=3).run_once(other_database))
        await asyncio.sleep(0.5)

    assert await running is Turn.DONE
    assert Turn.SKIPPED in turns
    assert await names(kit_database) == ["long"]


async def test_a_lease_of_a_process_that_was_killed_runs_out(
    kit_database: Database, other_database: Database
) -> None:
    assert await take_lease(kit_database, "work", length_s=2) is not None

    async with asyncio.timeout(30):
        while await take_lease(other_database, "work", length_s=2) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
