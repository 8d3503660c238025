"""SQL written out once, for a session and for a connection of the driver's own alike.

Set-based: one array an argument, so that a statement is the same for any number of rows.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

_ARGUMENT = re.compile(r"\$([0-9]+)")

Rows = Sequence[Iterable[Any]]
"""What a statement returns: its columns in their order, as the driver reads them."""


@dataclass(frozen=True, slots=True)
class Statement:
    """sql: its arguments are called $1, $2 and so on."""

    sql: str
    args: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Write(Statement):
    """One that returns a row for each it writes. count: how many these have to be."""

    count: int


Run = Callable[[Statement], Awaitable[Rows]]
"""Runs a statement in the transaction that its holder has begun."""


class WriteIncomplete(RuntimeError):
    """A row that had to be written was not: the transaction must not be committed."""


async def execute(session: AsyncSession, statement: Statement) -> Rows:
    """Run a statement in the transaction of a session, past its objects."""
    connection = await session.connection()
    result = await connection.exec_driver_sql(statement.sql, tuple(statement.args))
    return [tuple(row) for row in result] if result.returns_rows else ()


def run_in(session: AsyncSession) -> Run:
    """Return what runs statements in the transaction of a session."""
    return partial(execute, session)


async def write_together(run: Run, writes: Sequence[Write]) -> None:
    """Run several writes as one statement: one way to the server and back.

    None of them sees what another writes; foreign keys are looked at when all is written.
    Raises: WriteIncomplete.
    """
    sql = _together(tuple(write.sql for write in writes))
    args = [arg for write in writes for arg in write.args]
    (counts,) = await run(Statement(sql, args))
    if list(counts) != [write.count for write in writes]:
        raise WriteIncomplete


@lru_cache(maxsize=100)
def _together(texts: tuple[str, ...]) -> str:
    parts, passed = [], 0
    for text in texts:
        numbers = [int(number) for number in _ARGUMENT.findall(text)]
        parts.append(_ARGUMENT.sub(partial(_moved, by=passed), text))
        passed += max(numbers, default=0)
    names = [f"part_{place}" for place in range(len(parts))]
    named = ", ".join(f"{name} AS ({part})" for name, part in zip(names, parts, strict=True))
    counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in names)  # noqa: S608 - our names
    return f"WITH {named} SELECT {counts}"


def _moved(argument: re.Match[str], *, by: int) -> str:
    return f"${int(argument[1]) + by}"
