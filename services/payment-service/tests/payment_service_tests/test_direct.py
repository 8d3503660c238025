"""Transactions on a connection of the driver's own, one after the other or chained."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from payment_service.direct import Direct
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import Executor, SqlStatement
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

NAME = "perisai-direct-test"


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("payment").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.fixture
async def direct(own: Database) -> AsyncIterator[Direct]:
    direct = Direct(own, {"application_name": NAME})
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


async def written(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(text("SELECT count(*) FROM events")) or 0


async def states(database: Database) -> list[str]:
    """Return the state of each connection of the direct one, as PostgreSQL sees it."""
    asked = text("SELECT state FROM pg_stat_activity WHERE application_name = :name")
    async with database.read() as session:
        return list(await session.scalars(asked, {"name": NAME}))


async def test_chained_transactions_are_committed_one_by_one(direct: Direct, own: Database) -> None:
    for expected in (1, 2):
        async with direct.begin(another=lambda: True) as run:
            await write(run)
        assert await written(own) == expected
    async with direct.begin() as run:
        await write(run)

    assert await written(own) == 3
    assert await states(own) == ["idle"]


async def test_a_chained_transaction_that_fails_undoes_itself_alone(
    direct: Direct, own: Database
) -> None:
    async with direct.begin(another=lambda: True) as run:
        await write(run)

    with pytest.raises(ZeroDivisionError):
        await write_and_fail(direct)

    async with direct.begin() as run:
        await write(run)
    assert await written(own) == 2


async def test_a_transaction_that_none_follows_is_ended(direct: Direct, own: Database) -> None:
    async with direct.begin(another=lambda: True) as run:
        await write(run)
    assert await states(own) == ["idle in transaction"]

    direct.rest()
    direct.rest()

    async with direct.begin() as run:
        await write(run)
    assert set(await states(own)) <= {"idle"}
    assert await written(own) == 2
