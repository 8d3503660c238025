"""Rows in any number: what a service has written once, copied inside PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.privacy.columns import get_sealed_columns
from perisai_kit.privacy.keyring import Keyring

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Copied:
    """A table in which one thing's rows stand for those of all that are in the table `copies`.

    key, first: what names the thing in it. changes: by column, in SQL over `template` and `copies`.
    Encrypted columns are bound to the primary key; such a table has one row of the thing. every:
    only each so many-th row of `copies` stands for one more, where several share it.
    """

    model: type[DeclarativeBase]
    key: str
    first: UUID
    changes: Mapping[str, str]
    without: tuple[str, ...] = ()
    every: int = 1

    def statement(self) -> str:
        table = self.model.__tablename__
        names = [column.name for column in self.model.__table__.columns]
        names = [name for name in names if name not in self.without]
        encrypted = {each.name: f"encrypted.{each.name}" for each in get_sealed_columns(self.model)}
        changes = {**encrypted, **self.changes}
        values = [changes.get(name, f"template.{name}") for name in names]
        into = f"INSERT INTO {table} ({', '.join(names)})"
        source = f"FROM {table} AS template CROSS JOIN copies"
        if encrypted:
            source += f" JOIN encrypted_{table} AS encrypted ON encrypted.row = copies.row"
        return f"{into} SELECT {', '.join(values)} {source} {self.each} ORDER BY copies.row"

    @property
    def which(self) -> str:
        return f"WHERE template.{self.key} = '{self.first}'"

    @property
    def each(self) -> str:
        return f"{self.which} AND copies.row % {self.every} = 0"

    def removal(self) -> str:
        return f"DELETE FROM {self.model.__tablename__} AS template {self.which}"  # noqa: S608 - names of ours


async def multiply(connection: Connection, tables: Sequence[Copied], *, keyring: Keyring) -> None:
    """Copy the rows of one thing once for each row of `copies`, and take the thing itself away.

    tables: those before whose rows others point to.
    """
    for each in tables:
        if get_sealed_columns(each.model):
            await _encrypt_copies(connection, each, keyring)
        await connection.execute(each.statement())
        await connection.execute(f"DROP TABLE IF EXISTS encrypted_{each.model.__tablename__}")
    for each in reversed(tables):
        await connection.execute(each.removal())
    await connection.execute("DROP TABLE copies")
    await connection.execute("VACUUM ANALYZE")


async def _encrypt_copies(connection: Connection, copied: Copied, keyring: Keyring) -> None:
    """Encrypt what the thing says once for each copy: a ciphertext holds for one row only."""
    table, columns = copied.model.__tablename__, get_sealed_columns(copied.model)
    keys = [column.name for column in inspect(copied.model).primary_key]
    names = ", ".join([*keys, *(each.name for each in columns)])
    row = await connection.fetchrow(f"SELECT {names} FROM {table} AS template {copied.which}")  # noqa: S608
    assert row is not None
    first = tuple(row[key] for key in keys)
    known = [
        (each, None if row[each.name] is None else each.unseal(keyring, first, row[each.name]))
        for each in columns
    ]
    ids = ", ".join(copied.changes.get(key, f"template.{key}") for key in keys)
    rows = await connection.fetch(
        f"SELECT copies.row, {ids} FROM {table} AS template CROSS JOIN copies {copied.each}"  # noqa: S608
    )
    kinds = ", ".join(f"{each.name} bytea" for each in columns)
    await connection.execute(f"CREATE TEMP TABLE encrypted_{table} (row bigint, {kinds})")
    await connection.copy_records_to_table(
        f"encrypted_{table}",
        records=(
            (
                place,
                *(None if it is None else each.seal(keyring, tuple(id_), it) for each, it in known),
            )
            for place, *id_ in rows
        ),
    )
    await connection.execute(f"ANALYZE encrypted_{table}")
