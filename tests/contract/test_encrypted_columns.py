"""Writing to a database cannot make us show one person's data as another's.

For every encrypted column of every service, as the models declare them: a new one is tried too.
"""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from contract.encrypted import TABLES, loosened, models_of, new_row, value_of
from sqlalchemy import insert, inspect, select
from sqlalchemy.orm import load_only

from perisai_kit.db.engine import Database
from perisai_kit.privacy.columns import Sealed, get_sealed_columns, seal_values
from perisai_kit.privacy.keyring import DecryptionFailed, Keyring
from perisai_kit.privacy.rotation import find_sealed_tables
from perisai_kit.testing.plugin import Urls

FIRST, SECOND = UUID(int=1), UUID(int=2)
"""Rows of all tables have the same two ids, the worst case for what is bound to an id."""


class Shelf:
    """A service's database with two rows in every table that has encrypted columns."""

    def __init__(self, name: str, database: Database, owner: Any) -> None:
        self.name = name
        self.models = models_of(name)
        self.database = database
        self.owner = owner

    async def fill(self) -> None:
        async with self.database.begin() as session:
            for model in self.models:
                for row_id, text in ((FIRST, "first"), (SECOND, "second")):
                    row = new_row(model, text, row_id)
                    await session.execute(insert(model).values(seal_values(model, row)))

    async def read(self, model: type[Any]) -> Sequence[Any]:
        """Return both rows."""
        keys = [column.key for column in inspect(model).primary_key]
        wanted = [
            getattr(model, key) for key in keys + [each.key for each in get_sealed_columns(model)]
        ]
        async with self.database.read() as session:
            found = select(model).options(load_only(*wanted)).order_by(*wanted[: len(keys)])
            return (await session.scalars(found)).all()

    async def stored(self, column: Sealed[Any], row_id: UUID) -> bytes:
        table, key = self._place(column)
        stored: bytes = await self.owner.fetchval(
            f"SELECT {column.name} FROM {table} WHERE {key}::text = $1",  # noqa: S608 - ours
            str(row_id),
        )
        return stored

    async def put(self, column: Sealed[Any], row_id: UUID, stored: bytes) -> None:
        table, key = self._place(column)
        await self.owner.execute(
            f"UPDATE {table} SET {column.name} = $2 WHERE {key}::text = $1",  # noqa: S608 - ours
            str(row_id),
            stored,
        )

    def columns(self) -> list[tuple[type[Any], Sealed[Any]]]:
        return [(model, column) for model in self.models for column in get_sealed_columns(model)]

    def _place(self, column: Sealed[Any]) -> tuple[str, str]:
        (model,) = (model for model, each in self.columns() if each is column)
        return model.__tablename__, inspect(model).primary_key[-1].name


@pytest.fixture(params=TABLES)
async def shelf(
    request: pytest.FixtureRequest, own_database: Callable[[str], Urls], keyring: Keyring
) -> AsyncIterator[Shelf]:
    urls = own_database(request.param)
    async with loosened(urls) as owner:
        database = Database(urls.owner, keyring=keyring, pool_size=1)
        made = Shelf(request.param, database, owner)
        await made.fill()
        yield made
        await database.dispose()


@pytest.mark.parametrize("service", TABLES)
def test_every_encrypted_column_of_the_tables_has_its_attribute(service: str) -> None:
    attributes = {
        each.context for model in models_of(service) for each in get_sealed_columns(model)
    }
    tables = find_sealed_tables(TABLES[service].METADATA)

    assert {each.context(name) for each in tables for name in each.columns} == attributes
    assert attributes > {"idempotency_keys.body", "parked_events.dismissal_reason"}


async def test_what_stays_in_its_place_is_read(shelf: Shelf) -> None:
    for model, column in shelf.columns():
        first, second = await shelf.read(model)

        assert getattr(first, column.name) == value_of(column, "first")
        assert getattr(second, column.name) == value_of(column, "second")


async def test_values_of_two_rows_that_change_places_are_refused(shelf: Shelf) -> None:
    for model, column in shelf.columns():
        ids = (FIRST, SECOND)
        first, second = [await shelf.stored(column, row_id) for row_id in ids]
        await shelf.put(column, FIRST, second)
        await shelf.put(column, SECOND, first)

        for row in await shelf.read(model):
            with pytest.raises(DecryptionFailed):
                getattr(row, column.name)


async def test_a_value_moved_to_another_column_or_table_is_refused(shelf: Shelf) -> None:
    everywhere = shelf.columns()
    stored = {column: await shelf.stored(column, FIRST) for _, column in everywhere}
    for model, column in everywhere:
        for _, other in everywhere:
            if other is column:
                continue
            await shelf.put(column, FIRST, stored[other])
            row, _ = await shelf.read(model)
            with pytest.raises(DecryptionFailed) as refused:
                getattr(row, column.name)
            assert "first" not in str(refused.value)
        await shelf.put(column, FIRST, stored[column])


async def test_a_value_of_a_key_that_is_gone_is_an_error_without_data(shelf: Shelf) -> None:
    others = Keyring({"k9": os.urandom(32)}, os.urandom(32))
    url = shelf.database.engine.url.render_as_string(hide_password=False)
    without = Shelf(shelf.name, Database(url, keyring=others, pool_size=1), shelf.owner)
    for model, column in without.columns():
        for row in await without.read(model):
            with pytest.raises(DecryptionFailed, match="not in the key ring") as refused:
                getattr(row, column.name)
            assert "first" not in str(refused.value)
    await without.database.dispose()
