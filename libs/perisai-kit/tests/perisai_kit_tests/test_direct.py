"""Transactions on a connection of the driver's own, one after the other or chained."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from perisai_kit.db.direct import Direct
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import Executor, SqlStatement
from perisai_kit.domain.ids import new_id

NAME = "perisai-direct-test"


@pytest.fixture
async def direct(kit_database: Database) -> AsyncIterator[Direct]:
    direct = Direct(kit_database, {"application_name": NAME})
    yield direct
    await direct.close()


WRITE = """
    INSERT INTO events (id, type, subject, data, occurred_at) VALUES ($1, 't', 's', '{}', now())
"""


async def write(run: Executor) -> None:
    await run(SqlStatement(WRITE, (new_id(),)))


async def write_and_fail(direct: Direct) -> None:
    async with direct.begin() as run:
        await write(run)
        raise ZeroDivisionError


async def autocommit_and_fail(direct: Direct) -> None:
    async with direct.autocommit() as run:
        await write(run)
        raise ZeroDivisionError


async def written(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(text("SELECT count(*) FROM events")) or 0


async def states(database: Database) -> list[str]:
    """Return the state of each connection of the direct one, as PostgreSQL sees it."""
    asked = text("SELECT state FROM pg_stat_activity WHERE application_name = :name")
    async with database.read() as session:
        return list(await session.scalars(asked, {"name": NAME}))


async def test_chained_transactions_are_committed_one_by_one(
    direct: Direct, kit_database: Database
) -> None:
    for expected in (1, 2):
        async with direct.begin(another=lambda: True) as run:
            await write(run)
        assert await written(kit_database) == expected
    async with direct.begin() as run:
        await write(run)

    assert await written(kit_database) == 3
    assert await states(kit_database) == ["idle"]


async def test_a_chained_transaction_that_fails_undoes_itself_alone(
    direct: Direct, kit_database: Database
) -> None:
    async with direct.begin(another=lambda: True) as run:
        await write(run)

    with pytest.raises(ZeroDivisionError):
        await write_and_fail(direct)

    async with direct.begin() as run:
        await write(run)
    assert await written(kit_database) == 2


async def test_a_transaction_that_none_follows_is_ended(
    direct: Direct, kit_database: Database
) -> None:
    async with direct.begin(another=lambda: True) as run:
        await write(run)
    assert await states(kit_database) == ["idle in transaction"]

    direct.rest()
    direct.rest()

    async with direct.begin() as run:
        await write(run)
    assert set(await states(kit_database)) <= {"idle"}
    assert await written(kit_database) == 2


async def test_without_a_transaction_each_statement_is_committed_when_it_returns(
    direct: Direct, kit_database: Database
) -> None:
    async with direct.autocommit() as run:
        await write(run)
        assert await written(kit_database) == 1

    assert await states(kit_database) == ["idle"]


async def test_what_was_committed_before_a_failure_stays(
    direct: Direct, kit_database: Database
) -> None:
    with pytest.raises(ZeroDivisionError):
        await autocommit_and_fail(direct)

    async with direct.autocommit() as run:
        await write(run)
    assert await written(kit_database) == 2
