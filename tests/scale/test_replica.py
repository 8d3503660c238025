"""Lists read a standby, and never show less than the primary: perisai_kit/db/replica.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stage.standby import Pair, run_pair

from perisai_kit.db.engine import Database
from perisai_kit.db.outage import is_outage
from perisai_kit.db.replica import REST_S
from sandbox.ports import free_port

NAME = "kit"


@pytest.fixture(scope="module")
def pair(in_memory: Callable[[str], Path], with_cluster: Callable[[Path], Path]) -> Iterator[Pair]:
    with run_pair(in_memory("pair"), with_cluster) as pair:
        pair.primary.ensure_database(NAME)
        pair.primary.query(NAME, "CREATE TABLE notes (said text); GRANT ALL ON notes TO kit_app;")
        pair.catch_up()
        yield pair


@pytest.fixture
async def database(pair: Pair) -> AsyncIterator[Database]:
    made = Database(pair.primary.url(NAME), read_url=pair.standby_url(NAME))
    yield made
    await made.dispose()


async def write(database: Database, said: str) -> None:
    async with database.begin() as session:
        await session.execute(text("INSERT INTO notes VALUES (:said)"), {"said": said})


async def read(database: Database, said: str) -> tuple[bool, bool]:
    """Return whether a standby answered, and whether it shows the row."""
    async with database.read_replica() as session:
        found = await session.execute(
            text("SELECT pg_is_in_recovery(), EXISTS (SELECT FROM notes WHERE said = :said)"),
            {"said": said},
        )
        by_standby, is_shown = found.one()
    return by_standby, is_shown


def count(outcome: str) -> float:
    found = REGISTRY.get_sample_value("perisai_replica_reads_total", {"outcome": outcome})
    return found or 0.0


async def test_a_standby_answers_with_everything_that_was_committed(database: Database) -> None:
    seen = []
    for each in range(50):
        await write(database, f"row {each}")
        seen.append(await read(database, f"row {each}"))

    assert [is_shown for _, is_shown in seen] == [True] * 50
    assert any(by_standby for by_standby, _ in seen)


async def test_a_standby_that_is_behind_is_not_read(pair: Pair, database: Database) -> None:
    await read(database, "anything")
    late, resting = count("late"), count("resting")
    pair.pause_replay()
    try:
        await write(database, "not replayed")
        first = await read(database, "not replayed")
        second = await read(database, "not replayed")
    finally:
        pair.resume_replay()

    assert [first, second] == [(False, True)] * 2
    assert [count("late") - late, count("resting") - resting] == [1, 1]


async def test_a_standby_that_has_caught_up_is_read_again(pair: Pair, database: Database) -> None:
    pair.pause_replay()
    try:
        await write(database, "caught up")
        before = await read(database, "caught up")
    finally:
        pair.resume_replay()
    await asyncio.sleep(REST_S["late"])

    assert before == (False, True)
    assert await read(database, "caught up") == (True, True)


async def test_reads_wait_a_moment_for_a_standby(pair: Pair, database: Database) -> None:
    await read(database, "warm")
    pair.pause_replay()
    try:
        await write(database, "in a moment")
        reading = asyncio.create_task(read(database, "in a moment"))
        await asyncio.sleep(0.02)
    finally:
        pair.resume_replay()

    assert (await reading)[1] is True


async def test_without_a_standby_the_primary_answers(pair: Pair) -> None:
    nowhere = pair.primary.url(NAME).replace(f":{pair.primary.port}/", f":{free_port()}/")
    lone = Database(pair.primary.url(NAME), read_url=nowhere)
    away = count("away")
    try:
        await write(lone, "alone")
        assert await read(lone, "alone") == (False, True)
        assert await read(lone, "alone") == (False, True)
        assert count("away") - away == 1
    finally:
        await lone.dispose()


async def test_a_database_that_the_standby_lacks_is_read_on_the_primary(pair: Pair) -> None:
    pair.pause_replay()
    pair.primary.ensure_database("newer")
    newer = Database(pair.primary.url("newer"), read_url=pair.standby_url("newer"))
    try:
        async with newer.read_replica() as session:
            assert await session.scalar(text("SELECT NOT pg_is_in_recovery()"))
    finally:
        await newer.dispose()
        pair.resume_replay()


async def test_a_primary_named_as_the_replica_is_no_replica(pair: Pair) -> None:
    """After a failover the address of the standby may lead to the new primary."""
    url = pair.primary.url(NAME)
    promoted = Database(url, read_url=url)
    before = count("promoted")
    try:
        assert (await read(promoted, "anything"))[0] is False
        assert count("promoted") - before == 1
    finally:
        await promoted.dispose()


async def test_nothing_is_written_through_a_replica_session(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with database.read_replica() as session:
            await session.execute(text("INSERT INTO notes VALUES ('no')"))


async def test_many_reads_at_once_take_no_more_connections_than_there_are(
    pair: Pair,
) -> None:
    small = Database(pair.primary.url(NAME), read_url=pair.standby_url(NAME), pool_size=2)
    try:
        await write(small, "many")
        seen = await asyncio.gather(*(read(small, "many") for _ in range(60)))
    finally:
        await small.dispose()

    assert {is_shown for _, is_shown in seen} == {True}


async def test_servers_without_a_primary_are_an_outage(pair: Pair) -> None:
    """As between the death of a primary and the promotion of its standby."""
    url = pair.standby_url(NAME) + "?target_session_attrs=primary"
    leaderless = Database(url)

    with pytest.raises(DBAPIError) as through_the_pool:
        async with leaderless.read() as session:
            await session.execute(text("SELECT 1"))
    with pytest.raises(asyncpg.InternalClientError) as by_the_driver:
        await asyncpg.connect(url)
    await leaderless.dispose()

    assert is_outage(through_the_pool.value)
    assert is_outage(by_the_driver.value)
