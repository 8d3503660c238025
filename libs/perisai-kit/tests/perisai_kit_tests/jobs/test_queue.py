"""Jobs are ordered by transactions: undone with them, visible with them, once for a key."""

from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from perisai_kit.db.engine import Database
from perisai_kit.jobs.library import make_queries
from perisai_kit.jobs.queue import Job, count_jobs, enqueue, enqueue_all
from perisai_kit.testing.plugin import Urls

QUEUED = ("send", "queued")


async def count_queued(database: Database) -> int:
    async with database.read() as session:
        return (await count_jobs(session)).get(QUEUED, 0)


async def test_a_transaction_that_is_rolled_back_leaves_no_job(kit_database: Database) -> None:
    async with kit_database.begin() as session:
        added = await enqueue(session, "send", {"id": 1}, dedupe_key="a")
        await session.rollback()

    assert added
    assert await count_queued(kit_database) == 0


async def test_a_job_as_the_first_act_of_a_transaction_is_invisible_before_its_commit(
    kit_database: Database,
) -> None:
    async with kit_database.begin() as session:
        await enqueue(session, "send", {"id": 1}, dedupe_key="a")
        before = await count_queued(kit_database)

    assert before == 0
    assert await count_queued(kit_database) == 1


async def test_a_key_that_waits_is_not_added_again_and_spoils_nothing(
    kit_database: Database,
) -> None:
    async with kit_database.begin() as session:
        assert await enqueue(session, "send", {"id": 1}, dedupe_key="a")

    async with kit_database.begin() as session:
        assert not await enqueue(session, "send", {"id": 1}, dedupe_key="a")
        assert await enqueue(session, "send", {"id": 2}, dedupe_key="b")

    assert await count_queued(kit_database) == 2


async def test_many_jobs_are_added_by_one_statement(kit_database: Database) -> None:
    jobs = [Job("send", {"id": n}, dedupe_key=str(n % 900)) for n in range(1_000)]

    async with kit_database.begin() as session:
        added = await enqueue_all(session, jobs)

    assert added == 900
    assert await count_queued(kit_database) == 900


async def test_no_jobs_are_no_statement(kit_database: Database) -> None:
    async with kit_database.read() as session:
        assert await enqueue_all(session, []) == 0


async def test_a_later_job_waits(kit_database: Database) -> None:
    async with kit_database.begin() as session:
        await enqueue(session, "send", {"id": 1}, dedupe_key="a", execute_after=timedelta(hours=1))

    async with kit_database.read() as session:
        wait = await session.scalar(text("SELECT execute_after - now() FROM pgqueuer"))
    assert isinstance(wait, timedelta)
    assert timedelta(minutes=50) < wait <= timedelta(hours=1)


async def test_the_library_finds_its_tables_as_it_would_make_them(kit_urls: Urls) -> None:
    connection = await asyncpg.connect(kit_urls.owner)
    try:
        plan = await make_queries(connection).plan_upgrade()
    finally:
        await connection.close()

    assert [each for each in plan.statements if "CREATE OR REPLACE FUNCTION" not in each] == []


async def test_the_service_may_not_change_the_tables(kit_database: Database) -> None:
    async with kit_database.begin() as session:
        with pytest.raises(ProgrammingError, match="must be owner"):
            await session.execute(text("ALTER TABLE pgqueuer ADD x int"))
        await session.rollback()
