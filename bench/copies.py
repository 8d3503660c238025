"""Rows in any number: what a service has written once, copied inside PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.privacy.columns import get_sealed_columns
from perisai_kit.privacy.keyring import Keyring

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Copied:
    """A table in which one thing's rows stand for those of all that are in the table `copies`.

    key: what names the thing in it. changes: by column, in SQL over `template` and `copies`.
    Encrypted columns are bound to `id`, which is then among the changes.
    """

    model: type[DeclarativeBase]
    key: str
    changes: Mapping[str, str]
    without: tuple[str, ...] = ()

    def statement(self, first: UUID) -> str:
        table = self.model.__tablename__
        names = [column.name for column in self.model.__table__.columns]
        names = [name for name in names if name not in self.without]
        encrypted = {each.name: f"encrypted.{each.name}" for each in get_sealed_columns(self.model)}
        changes = {**encrypted, **self.changes}
        values = [changes.get(name, f"template.{name}") for name in names]
        into = f"INSERT INTO {table} ({', '.join(names)})"
        source = f"FROM {table} AS template CROSS JOIN copies"
        if encrypted:
            source += f" JOIN encrypted_{table} AS encrypted ON encrypted.id = {self.changes['id']}"
        which = f"WHERE template.{self.key} = '{first}' ORDER BY copies.row"
        return f"{into} SELECT {', '.join(values)} {source} {which}"

    def removal(self, first: UUID) -> str:
        table = self.model.__tablename__
        return f"DELETE FROM {table} WHERE {self.key} = '{first}'"  # noqa: S608 - names of ours


async def multiply(
    connection: Connection, tables: Sequence[Copied], first: UUID, *, keyring: Keyring
) -> None:
    """Copy the rows of `first` once for each row of `copies`, and take `first` itself away.

    tables: those before whose rows others point to.
    """
    for each in tables:
        if get_sealed_columns(each.model):
            await _encrypt_copies(connection, each, first, keyring)
        await connection.execute(each.statement(first))
    for each in reversed(tables):
        await connection.execute(each.removal(first))
    await connection.execute("VACUUM ANALYZE")


async def _encrypt_copies(
    connection: Connection, copied: Copied, first: UUID, keyring: Keyring
) -> None:
    """Encrypt what `first` says once for each copy: a ciphertext holds for one row only."""
    table, columns = copied.model.__tablename__, get_sealed_columns(copied.model)
    names = ", ".join(each.name for each in columns)
    row = await connection.fetchrow(f"SELECT {names} FROM {table} WHERE id = $1", first)  # noqa: S608
    assert row is not None
    known = [
        (each, None if row[each.name] is None else each.unseal(keyring, first, row[each.name]))
        for each in columns
    ]
    ids = await connection.fetch(f"SELECT {copied.changes['id']} FROM copies")  # noqa: S608
    kinds = ", ".join(f"{each.name} bytea" for each in columns)
    await connection.execute(f"CREATE TEMP TABLE encrypted_{table} (id uuid, {kinds})")
    await connection.copy_records_to_table(
        f"encrypted_{table}",
        records=(
            (id_, *(None if it is None else each.seal(keyring, id_, it) for each, it in known))
            for (id_,) in ids
        ),
    )
    await connection.execute(f"ANALYZE encrypted_{table}")
