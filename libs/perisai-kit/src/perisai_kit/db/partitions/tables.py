"""The declaration of a partitioned table, and the bounds of its partitions.

A table is cut into ranges of one column that its primary key contains. An id is cut by the month
in which it was made, never by a business date, so that an equality of the id finds its partition.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from perisai_kit.domain.ids import lowest_id_of


class PartitionedBy(Enum):
    """What the ranges of a table are."""

    ID_MONTH = auto()
    """The months, in UTC, in which UUIDv7 ids were made."""
    DAY = auto()
    """Days of a `date` column."""
    INSTANT_DAY = auto()
    """Days, in UTC, of a `timestamptz` column."""
    MONTH = auto()
    """Months of a text column: `2026-11`."""

    @property
    def is_monthly(self) -> bool:
        return self in {PartitionedBy.ID_MONTH, PartitionedBy.MONTH}


class Removal(Enum):
    """What is done with a partition that has been kept for long enough."""

    DROP = auto()
    ARCHIVE = auto()
    """It is detached and kept in the schema `detached`, until an operator has archived it."""


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table in partitions.

    column: what it is cut by. ahead: how many ranges after the present one are made in advance.
    kept: how many whole ranges are kept before the present one; None: all, for ever.
    """

    name: str
    column: str
    by: PartitionedBy
    ahead: int
    kept: int | None
    removal: Removal = Removal.DROP

    @property
    def default_name(self) -> str:
        """The partition of the rows that no other partition is for."""
        return f"{self.name}_default"

    def start_of(self, day: date) -> date:
        """Return the first day of the range that contains a day."""
        return day.replace(day=1) if self.by.is_monthly else day

    def shift(self, start: date, count: int) -> date:
        """Return the first day of the range `count` ranges later."""
        if not self.by.is_monthly:
            return start + timedelta(days=count)
        months = start.year * 12 + start.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)

    def partition_name(self, start: date) -> str:
        """Return the name of the partition whose range begins on a day."""
        return f"{self.name}_{start:{'%Y_%m' if self.by.is_monthly else '%Y_%m_%d'}}"

    def format_bound(self, start: date) -> str:
        """Return where the range begins, as PostgreSQL writes it without quotes."""
        match self.by:
            case PartitionedBy.ID_MONTH:
                return str(lowest_id_of(_midnight(start)))
            case PartitionedBy.MONTH:
                return f"{start:%Y-%m}"
            case PartitionedBy.INSTANT_DAY:
                return f"{start} 00:00:00+00"
            case PartitionedBy.DAY:
                return str(start)

    def parse_bound(self, text: str) -> date:
        """Return the day of a bound that PostgreSQL shows in the time zone UTC."""
        match self.by:
            case PartitionedBy.ID_MONTH:
                return datetime.fromtimestamp((UUID(text).int >> 80) / 1000, UTC).date()
            case PartitionedBy.MONTH:
                return date.fromisoformat(f"{text}-01")
            case PartitionedBy.INSTANT_DAY | PartitionedBy.DAY:
                return date.fromisoformat(text[:10])

    @property
    def start_expression(self) -> str:
        """The SQL for the first day of a row's range; null where its id tells no time."""
        match self.by:
            case PartitionedBy.ID_MONTH:
                made_at = f"uuid_extract_timestamp({self.column}) AT TIME ZONE 'UTC'"
                return f"date_trunc('month', {made_at})::date"
            case PartitionedBy.MONTH:
                return f"to_date({self.column}, 'YYYY-MM')"
            case PartitionedBy.INSTANT_DAY:
                return f"({self.column} AT TIME ZONE 'UTC')::date"
            case PartitionedBy.DAY:
                return self.column

    def condition(self, start: date) -> str:
        """Return the SQL condition for the rows of the range that begins on a day."""
        low, high = (self.format_bound(each) for each in (start, self.shift(start, 1)))
        return f"{self.column} >= '{low}' AND {self.column} < '{high}'"


LIST = """
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bounds FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = CAST(CAST($1 AS text) AS regclass)
"""
"""Lists the partitions of a table with their bounds; the time zone of the session must be UTC."""
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'([^']+)')\) TO \('([^']+)'\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """An attached partition with a range. low: None for everything before `high`."""

    name: str
    low: date | None
    high: date


def read_partitions(table: PartitionedTable, rows: Iterable[tuple[str, str]]) -> list[Partition]:
    """Return the partitions of `LIST` in their order, without the default one."""
    found = []
    for name, bounds in rows:
        if match := _BOUNDS.fullmatch(bounds):
            low, high = match.groups()
            low_day = None if low is None else table.parse_bound(low)
            found.append(Partition(name, low_day, table.parse_bound(high)))
    return sorted(found, key=lambda each: each.high)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


KIT_TABLES = (
    PartitionedTable(
        # Ten years, as accounting records: docs/retention.md.
        "read_audits",
        "id",
        PartitionedBy.ID_MONTH,
        ahead=3,
        kept=120,
        removal=Removal.ARCHIVE,
    ),
    PartitionedTable("idempotency_keys", "created_at", PartitionedBy.INSTANT_DAY, ahead=7, kept=1),
)
"""The tables in partitions that every service has."""
