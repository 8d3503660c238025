"""Rows in any number: what a service has written once, copied inside PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy.orm import DeclarativeBase


@dataclass(frozen=True, slots=True)
class Copied:
    """A table in which one thing's rows stand for those of all that are in the table `copies`.

    key: what names the thing in it. changes: by column, in SQL over `template` and `copies`.
    """

    model: type[DeclarativeBase]
    key: str
    changes: Mapping[str, str]
    without: tuple[str, ...] = ()

    def statement(self, first: UUID) -> str:
        table = self.model.__tablename__
        names = [column.name for column in self.model.__table__.columns]
        names = [name for name in names if name not in self.without]
        values = [self.changes.get(name, f"template.{name}") for name in names]
        into = f"INSERT INTO {table} ({', '.join(names)})"
        source = f"FROM {table} AS template CROSS JOIN copies"
        which = f"WHERE template.{self.key} = '{first}' ORDER BY copies.row"
        return f"{into} SELECT {', '.join(values)} {source} {which}"

    def removal(self, first: UUID) -> str:
        table = self.model.__tablename__
        return f"DELETE FROM {table} WHERE {self.key} = '{first}'"  # noqa: S608 - names of ours


async def multiply(
    connection: "asyncpg.Connection[asyncpg.Record]", tables: Sequence[Copied], first: UUID
) -> None:
    """Copy the rows of `first` once for each row of `copies`, and take `first` itself away.

    tables: those before whose rows others point to.
    """
    for each in tables:
        await connection.execute(each.statement(first))
    for each in reversed(tables):
        await connection.execute(each.removal(first))
    await connection.execute("VACUUM ANALYZE")
