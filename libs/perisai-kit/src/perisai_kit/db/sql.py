"""SQL statements written out, for a session and for a connection of the driver alike.

They are set-based: each argument is an array, so a statement is the same for any number of rows.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import PUBLISHED

_ARGUMENT = re.compile(r"\$([0-9]+)")

Rows = Sequence[Iterable[Any]]
"""What a statement returns: its columns in their order, as the driver reads them."""


@dataclass(frozen=True, slots=True)
class SqlStatement:
    """SQL with its arguments, which the text names $1, $2 and so on.

    publishes: whether it writes events, so that the sequencer is woken after the commit.
    """

    sql: str
    args: Sequence[Any]
    publishes: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class CountedStatement(SqlStatement):
    """A statement that returns one row for each row it writes. count: how many it must write."""

    count: int


Executor = Callable[[SqlStatement], Awaitable[Rows]]
"""Executes a statement in an open transaction."""


class StatementIncomplete(RuntimeError):
    """A statement wrote fewer rows than it had to. The transaction must not be committed."""


async def execute(session: AsyncSession, statement: SqlStatement) -> Rows:
    """Execute a statement in a session's transaction. The objects of the session do not change."""
    if statement.publishes:
        session.info[PUBLISHED] = True
    connection = await session.connection()
    result = await connection.exec_driver_sql(statement.sql, tuple(statement.args))
    return [tuple(row) for row in result] if result.returns_rows else ()


def make_executor(session: AsyncSession) -> Executor:
    """Return a function that executes statements in the session's transaction."""
    return partial(execute, session)


async def execute_together(executor: Executor, statements: Sequence[CountedStatement]) -> None:
    """Execute several statements as one, in one round trip to the server.

    No part sees the writes of another. Foreign keys are checked at the end.
    Raises: StatementIncomplete.
    """
    sql = _join(tuple(each.sql for each in statements))
    args = [arg for each in statements for arg in each.args]
    publishes = any(each.publishes for each in statements)
    (counts,) = await executor(SqlStatement(sql, args, publishes=publishes))
    if list(counts) != [each.count for each in statements]:
        raise StatementIncomplete


@lru_cache(maxsize=100)
def _join(texts: tuple[str, ...]) -> str:
    parts, offset = [], 0
    for text in texts:
        numbers = [int(number) for number in _ARGUMENT.findall(text)]
        parts.append(_ARGUMENT.sub(partial(_renumber, offset=offset), text))
        offset += max(numbers, default=0)
    names = [f"part_{place}" for place in range(len(parts))]
    named = ", ".join(f"{name} AS ({part})" for name, part in zip(names, parts, strict=True))
    counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in names)  # noqa: S608 - our names
    return f"WITH {named} SELECT {counts}"


def _renumber(argument: re.Match[str], *, offset: int) -> str:
    return f"${int(argument[1]) + offset}"
