from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Uuid,
    any_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine, StoredSums
from payment_service.commissions.rules import (
    Booked,
    CommissionRule,
    Entry,
    Line,
    LineKey,
    Standing,
    Sums,
)
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.bulk import any_id
from perisai_kit.db.sql import SqlStatement, execute
from perisai_kit.domain.month import Month

_INSERT_LINES = """
    WITH inserted AS (
        INSERT INTO commission_lines (
            allocation_id, payment_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
            beneficiary_kind, beneficiary_id, base, rate_bps, contribution_month, programme,
            month_index, parts, booked_month, entry_no, reason, recorded_at
        )
        SELECT *, $20 FROM unnest(
            $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[],
            $8::text[], $9::text[], $10::uuid[], $11::bigint[], $12::bigint[], $13::text[],
            $14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[], $19::text[]
        )
    )
    SELECT coalesce(max(through_id), 0) FROM commission_month_sums
"""


async def insert_lines(
    session: AsyncSession,
    entries: Sequence[Entry],
    booked_months: Sequence[Month],
    *,
    recorded_at: datetime,
) -> int:
    """Insert lines in one statement; return the last line that is in the stored sums.

    booked_months: one for each line.
    """
    lines = [each.line for each in entries]
    columns = (
        [line.allocation_id for line in lines],
        [line.payment_id for line in lines],
        [line.member_id for line in lines],
        [line.agent_id for line in lines],
        [str(line.earned_month) for line in lines],
        [line.scheme_id for line in lines],
        [line.cause for line in lines],
        [line.rule for line in lines],
        [line.beneficiary_kind for line in lines],
        [line.beneficiary_id for line in lines],
        [line.base for line in lines],
        [line.rate_bps for line in lines],
        [line.contribution_month and str(line.contribution_month) for line in lines],
        [line.programme for line in lines],
        [line.month_index for line in lines],
        [line.parts for line in lines],
        [str(month) for month in booked_months],
        [each.entry_no for each in entries],
        [each.reason for each in entries],
    )
    rows = await execute(session, SqlStatement(_INSERT_LINES, (*columns, recorded_at)))
    ((last_added,),) = rows
    return int(last_added)


async def read_standing(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> dict[UUID, dict[LineKey, Standing]]:
    """Return the last line of each key of these allocations, as far as it stands."""
    wanted = any_(literal(list(allocation_ids), ARRAY(Uuid())))
    columns = [getattr(CommissionLine, each.name) for each in fields(Line)]
    rows = await session.execute(
        select(CommissionLine.entry_no, *columns)
        .where(CommissionLine.allocation_id == wanted)
        .order_by(CommissionLine.entry_no)
    )
    found: dict[UUID, dict[LineKey, Standing]] = defaultdict(dict)
    for entry_no, *values in rows:
        line = Line(*values)
        found[line.allocation_id][line.key] = Standing(entry_no, line if line.base > 0 else None)
    return found


async def list_lines(
    session: AsyncSession, *, beneficiary_id: UUID, month: Month, after_id: int, limit: int
) -> Sequence[CommissionLine]:
    """Return a beneficiary's lines of a month in the order they were computed."""
    statement = (
        select(CommissionLine)
        .where(
            CommissionLine.beneficiary_id == beneficiary_id,
            CommissionLine.booked_month == month,
            CommissionLine.id > after_id,
        )
        .order_by(CommissionLine.id)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


async def list_sums_between(
    session: AsyncSession, beneficiary_id: UUID, *, after: Month | None, before: Month
) -> Sequence[int]:
    """Return the parts booked for a beneficiary in each month between two, neither inside."""
    conditions = [
        CommissionLine.beneficiary_id == beneficiary_id,
        CommissionLine.booked_month < before,
    ]
    if after is not None:
        conditions.append(CommissionLine.booked_month > after)
    month = CommissionLine.booked_month
    statement = select(_total()).where(*conditions).group_by(month).order_by(month)
    return (await session.scalars(statement)).all()


async def sum_month(session: AsyncSession, beneficiary_id: UUID, month: Month) -> Sums:
    """Add up a beneficiary's lines of a month."""
    summed = select(*_sums()).where(
        CommissionLine.beneficiary_id == beneficiary_id, CommissionLine.booked_month == month
    )
    return Sums(**(await session.execute(summed)).mappings().one())


async def sum_booked(
    session: AsyncSession, allocation_ids: Collection[UUID], first: Month, last: Month
) -> list[Booked]:
    """Add up the lines of allocations, opposites too. first, last: of the months they earn for."""
    line = CommissionLine
    key = (line.earned_month, line.beneficiary_kind, line.beneficiary_id)
    statement = (
        select(*key, _total())
        .where(line.allocation_id == any_id(allocation_ids), line.earned_month.between(first, last))
        .group_by(*key)
    )
    return [Booked(*row) for row in await session.execute(statement)]


def booked_in(month: Month) -> Select[Any]:
    """Return the query of what is booked for each beneficiary in a month."""
    return (
        select(CommissionLine.beneficiary_id)
        .add_columns(*_sums())
        .where(CommissionLine.booked_month == month)
        .group_by(CommissionLine.beneficiary_id)
    )


def booked_for(beneficiary_id: ColumnElement[Any], month: Month) -> Select[Any]:
    """Return the query of what is booked for one beneficiary in a month; no row for nothing."""
    line = CommissionLine
    booked = select().add_columns(*_sums()).having(func.count() > 0)
    booked = booked.where(line.beneficiary_id == beneficiary_id, line.booked_month == month)
    return booked.correlate_except(line)


async def list_month_sums(
    session: AsyncSession, beneficiary_id: UUID, *, after: Month | None, through: Month
) -> dict[Month, Sums]:
    """Return what is booked for a beneficiary in each month after one, by month in order."""
    month = CommissionLine.booked_month
    conditions = [CommissionLine.beneficiary_id == beneficiary_id, month <= through]
    if after is not None:
        conditions.append(month > after)
    summed = select(month, *_sums()).where(*conditions).group_by(month).order_by(month)
    rows = (await session.execute(summed)).mappings()
    return {
        row["booked_month"]: Sums(**{each.name: row[each.name] for each in fields(Sums)})
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class MonthSums:
    """What all lines of a month add up to, in parts."""

    month: Month
    line_count: int
    agent_parts: int
    wadah_parts: int


async def list_months(
    session: AsyncSession, *, after: Month | None, before: Month | None, limit: int
) -> list[MonthSums]:
    """Return the months between two that have lines, neither inside, the latest first."""
    statement = select(StoredSums).order_by(StoredSums.month.desc()).limit(limit)
    if after is not None:
        statement = statement.where(StoredSums.month > after)
    if before is not None:
        statement = statement.where(StoredSums.month < before)
    statement = statement.execution_options(populate_existing=True)
    return [
        MonthSums(each.month, each.line_count, each.agent_parts, each.wadah_parts)
        for each in await session.scalars(statement)
    ]


async def add_up_lines(session: AsyncSession, *, after: int) -> None:
    """Add the lines after one to the stored sums. The caller has locked the months."""
    new = insert(StoredSums).from_select(["month", *_ADDED, "through_id"], _sums_after(after))
    moved = {name: getattr(StoredSums, name) + new.excluded[name] for name in _ADDED}
    moved["through_id"] = new.excluded.through_id
    key = [StoredSums.month]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


_ADDED = ("line_count", "agent_parts", "wadah_parts")


def _sums_after(through_id: int) -> Select[Any]:
    """Return the query of what the lines after one add up to, by month.

    By a number and not by a query for it, of which PostgreSQL would think that a third of all lines
    come after it.
    """
    kind = CommissionLine.beneficiary_kind
    columns: list[ColumnElement[Any]] = [
        CommissionLine.booked_month.label("month"),
        func.count().label("line_count"),
        _total(kind == BeneficiaryKind.AGENT).label("agent_parts"),
        _total(kind == BeneficiaryKind.WADAH).label("wadah_parts"),
        func.max(CommissionLine.id).label("through_id"),
    ]
    newer = select(*columns).where(CommissionLine.id > through_id)
    return newer.group_by(CommissionLine.booked_month)


def _sums() -> list[ColumnElement[int]]:
    totals = [_total(CommissionLine.rule == rule).label(f"{rule}_parts") for rule in CommissionRule]
    return [func.count().label("line_count"), *totals]


def _total(condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    summed = func.sum(CommissionLine.parts)
    chosen = summed if condition is None else summed.filter(condition)
    return cast(func.coalesce(chosen, 0), BigInteger)
