"""Concurrent inserts: the database decides which one is first."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.bulk import insert_once, insert_rows_statement
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.cursors import Cursor


@pytest.fixture
async def session(kit_database: Database) -> AsyncIterator[AsyncSession]:
    async with kit_database.begin() as session:
        yield session


def cursor(name: str, position: int = 0) -> Cursor:
    return Cursor(name=name, position=position, updated_at=clock.now())


async def test_only_the_first_row_of_a_key_is_inserted(session: AsyncSession) -> None:
    first = await insert_once(session, cursor("agents", 7))
    second = await insert_once(session, cursor("agents", 8))

    positions = (
        await session.scalars(select(Cursor.position).where(Cursor.name == "agents"))
    ).all()
    assert first is not None
    assert second is None
    assert positions == [7]


async def test_a_row_inserted_once_is_changed_as_any_other(session: AsyncSession) -> None:
    row = await insert_once(session, cursor("agents"))
    assert row is not None
    row.position = 12
    await session.flush()

    stored = await session.scalar(select(Cursor.position).where(Cursor.name == "agents"))
    assert stored == 12


async def test_of_many_rows_those_that_are_there_change_nothing(session: AsyncSession) -> None:
    await insert_once(session, cursor("agents", 7))
    now = clock.now()
    rows = [
        {"name": name, "position": 1, "caught_up_at": None, "updated_at": now}
        for name in ("agents", "members")
    ]

    new = insert_rows_statement(Cursor, rows).on_conflict_do_nothing().returning(Cursor.name)

    assert (await session.scalars(new)).all() == ["members"]
    assert await session.scalar(select(func.sum(Cursor.position))) == 8
