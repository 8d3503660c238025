"""How PostgreSQL answers the statements of a call."""

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession


@contextmanager
def _caught(session: AsyncSession) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements that are run meanwhile, each with its values."""
    caught: list[tuple[str, Any]] = []

    def note(_: object, __: object, sql: str, values: Any, *___: object) -> None:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "SET ")):
            caught.append((sql, values))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield caught
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def list_whole_reads(session: AsyncSession, call: Awaitable[Any]) -> set[str]:
    """Return the tables of which no index finds the rows that a call asks for.

    PostgreSQL reads a table as small as these from end to end if it may, so it may not.
    """
    driver, caught = await _catch(session, call)
    await driver.execute("SET LOCAL enable_seqscan = off")
    found: set[str] = set()
    for sql, values in caught:
        (plan,) = await driver.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)
        found |= set(_list_unindexed(plan["Plan"]))
    await driver.execute("SET LOCAL enable_seqscan = on")
    return found


async def count_read(session: AsyncSession, call: Awaitable[Any]) -> tuple[float, set[str]]:
    """Return how many rows a call reads, those thrown away too, and what it reads end to end."""
    driver, caught = await _catch(session, call)
    count, whole = 0.0, set[str]()
    for sql, values in caught:
        explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
        (plan,) = await driver.fetchval(explained, *values)
        for node in _list_scans(plan["Plan"]):
            count += _count_rows(node)
            if node["Node Type"] == "Seq Scan":
                whole.add(node["Relation Name"])
    return count, whole


async def list_covering_indexes(session: AsyncSession, call: Awaitable[Any]) -> set[str]:
    """Return the indexes with all that a call needs of their tables.

    Whether PostgreSQL reads them alone depends on VACUUM, so it may not read the rows first.
    """
    driver, caught = await _catch(session, call)
    await driver.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    found: set[str] = set()
    for sql, values in caught:
        (plan,) = await driver.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)
        scans = _list_scans(plan["Plan"])
        found |= {each["Index Name"] for each in scans if each["Node Type"] == "Index Only Scan"}
    await driver.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
    return found


async def _catch(
    session: AsyncSession, call: Awaitable[Any]
) -> tuple[Any, Sequence[tuple[str, Any]]]:
    """Return the connection of the driver, and the statements of a call with their values."""
    with _caught(session) as caught:
        await call
    assert caught, "the call ran no statement"
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    return driver, caught


def _list_scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node:
        yield node
    for part in node.get("Plans", ()):
        yield from _list_scans(part)


def _count_rows(node: dict[str, Any]) -> float:
    thrown = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    rows = node["Actual Rows"] + sum(node.get(name, 0) for name in thrown)
    return float(rows * node["Actual Loops"])


def _list_unindexed(node: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that this part of a plan reads without a condition on an index."""
    kind = node["Node Type"]  # one that writes names its table, too
    is_scan = "Relation Name" in node and kind not in ("Bitmap Heap Scan", "ModifyTable")
    if is_scan and "Index Cond" not in node:
        yield node["Relation Name"]
    for part in node.get("Plans", ()):
        yield from _list_unindexed(part)
