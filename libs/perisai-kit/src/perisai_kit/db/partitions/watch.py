"""What a running service sees of its partitions: rows without one, and for how long there are any.

Rows in a default partition are stored and found as all others, but cannot be removed with their
range. They mean that the owner's job does not run. See the alerts in docs/retention.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.db.partitions.tables import LIST, Partition, PartitionedTable, read_partitions
from perisai_kit.runtime.log import get_logger

COUNTED_AT_MOST = 1_000

default_rows = Gauge(
    "perisai_default_partition_rows",
    f"Rows that no partition was made for; {COUNTED_AT_MOST} stands for more.",
    ["table"],
)
ends_seconds = Gauge(
    "perisai_partitions_end_seconds", "When the last partition of a table ends.", ["table"]
)

log = get_logger()


@dataclass(frozen=True, slots=True)
class PartitionsStatus:
    """default_rows: those that no partition was made for. end_on: the end of the last one."""

    table: str
    default_rows: int
    end_on: date | None


async def list_attached(session: AsyncSession, table: PartitionedTable) -> list[Partition]:
    """Return the attached partitions of a table, the default one excepted, in their order."""
    rows = await session.execute(text(LIST.replace("$1", ":name")), {"name": table.name})
    return read_partitions(table, [(name, bounds) for name, bounds in rows])


async def read_status(
    database: Database, tables: Iterable[PartitionedTable]
) -> list[PartitionsStatus]:
    """Return the status of each table."""
    found = []
    async with database.read() as session:
        for table in tables:
            count = await session.scalar(
                text(
                    "SELECT count(*) FROM (SELECT FROM"  # noqa: S608 - declared names
                    f" {table.default_name} LIMIT {COUNTED_AT_MOST}) AS kept"
                )
            )
            attached = await list_attached(session, table)
            end_on = attached[-1].high if attached else None
            found.append(PartitionsStatus(table.name, count or 0, end_on))
    return found


async def measure(database: Database, tables: Iterable[PartitionedTable]) -> None:
    """Set the metrics, and log each table with rows in its default partition."""
    for each in await read_status(database, tables):
        default_rows.labels(each.table).set(each.default_rows)
        if each.end_on is not None:
            end = datetime(each.end_on.year, each.end_on.month, each.end_on.day, tzinfo=UTC)
            ends_seconds.labels(each.table).set(end.timestamp())
        if each.default_rows:
            log.error("partition.missed", table=each.table, rows=each.default_rows)
