from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    Uuid,
    case,
    cast,
    column,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.schemes.rules import PARTS
from perisai_kit.domain.month import Month


async def insert_statements(
    session: AsyncSession,
    month: Month,
    *,
    booked: Select[Any],
    beneficiaries: Select[Any],
    held_reason: Callable[[ColumnElement[Any]], ColumnElement[Any]],
    ids: Sequence[UUID],
    issued_at: datetime,
) -> None:
    """Insert a statement for everybody with lines in a month, in one statement.

    booked, beneficiaries: queries by beneficiary_id. held_reason: of a wadah's id. ids: at least
    as many as there are to insert.
    """
    rows = _stated(month, booked, beneficiaries, held_reason, issued_at).subquery("rows")
    names = [each.name for each in rows.c if each.name != "place"]
    numbered = (
        func.unnest(cast(list(ids), ARRAY(Uuid())))
        .table_valued(column("id", Uuid()), with_ordinality="place", name="numbered")
        .render_derived()
    )
    chosen = select(numbered.c.id, *(rows.c[name] for name in names)).join(
        rows, rows.c.place == numbered.c.place
    )
    await session.execute(insert(Statement).from_select(["id", *names], chosen))


def rest_of(parts: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the rest of parts below a whole rupiah: 0 or more, as `%` of Python gives it."""
    return (parts % PARTS + PARTS) % PARTS


def rupiah_of(parts: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the whole rupiah of parts, rounded down, as `//` of Python gives them."""
    return (parts - rest_of(parts)) // PARTS


def _stated(
    month: Month,
    booked: Select[Any],
    beneficiaries: Select[Any],
    held_reason: Callable[[ColumnElement[Any]], ColumnElement[Any]],
    issued_at: datetime,
) -> Select[Any]:
    """Return the query of what is to be stated; its rows are counted in `place`."""
    sums, who = booked.subquery("sums"), beneficiaries.subquery("who")
    debt = func.greatest(Statement.brought_debt - Statement.amount, 0).label("debt")
    previous = (
        select(Statement.total_parts, debt)
        .where(Statement.beneficiary_id == sums.c.beneficiary_id)
        .order_by(Statement.month.desc())
        .limit(1)
        .lateral("previous")
    )
    before = func.coalesce(previous.c.total_parts, 0)
    by_rule = [sums.c.contribution_parts, sums.c.acquisition_parts, sums.c.override_parts]
    parts = by_rule[0] + by_rule[1] + by_rule[2]
    is_wadah = who.c.beneficiary_kind == BeneficiaryKind.WADAH
    columns: list[ColumnElement[Any]] = [
        func.row_number().over(order_by=sums.c.beneficiary_id).label("place"),
        literal(month, Statement.month.type).label("month"),
        *who.c,
        sums.c.line_count,
        *by_rule,
        rest_of(before).label("brought_parts"),
        (before + parts).label("total_parts"),
        rupiah_of(rest_of(before) + parts).label("amount"),
        func.coalesce(previous.c.debt, 0).label("brought_debt"),
        case((is_wadah, held_reason(who.c.beneficiary_id))).label("held_reason"),
        literal(issued_at, Statement.issued_at.type).label("issued_at"),
    ]
    joined = select(*columns).join(who, who.c.beneficiary_id == sums.c.beneficiary_id)
    return joined.outerjoin(previous, true())


def issued_in(month: Month) -> Select[Any]:
    """Return the query of a month's statements as other services read them."""
    fields = ("beneficiary_kind", "beneficiary_id", "wadah_id", "month", "amount")
    published = [Statement.id.label("statement_id"), *(getattr(Statement, name) for name in fields)]
    return select(*published).where(Statement.month == month).order_by(Statement.id)


def owed_in(month: Month, *, sign: Literal[1, -1]) -> Select[Any]:
    """Return the query of what a month's statements owe, or take back: cause_id, part, amount."""
    owed: list[ColumnElement[Any]] = [
        Statement.id.label("cause_id"),
        cast(Statement.beneficiary_id, Text).label("part"),
        (Statement.amount * sign).label("amount"),
    ]
    return select(*owed).where(Statement.month == month, Statement.amount * sign > 0)


def payable() -> Select[Any]:
    """Return the query of statements with what each gives beyond a debt, in rupiah.

    Columns: statement_id, month, who it is and where, held_reason, payable.
    """
    names = ("month", "beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code")
    columns = [getattr(Statement, name) for name in (*names, "region_code", "held_reason")]
    beyond_debt = func.greatest(Statement.amount - Statement.brought_debt, 0)
    return select(Statement.id.label("statement_id"), *columns, beyond_debt.label("payable"))


@dataclass(frozen=True, slots=True)
class Issued:
    """What the statements of a month come to; amount in rupiah, the rest in parts."""

    statement_count: int
    line_count: int
    agent_parts: int
    wadah_parts: int
    amount: int


async def sum_statements(session: AsyncSession, month: Month) -> Issued:
    earned = Statement.contribution_parts + Statement.acquisition_parts + Statement.override_parts
    kind = Statement.beneficiary_kind
    summed = select(
        func.count().label("statement_count"),
        _sum(Statement.line_count).label("line_count"),
        _sum(earned, kind == BeneficiaryKind.AGENT).label("agent_parts"),
        _sum(earned, kind == BeneficiaryKind.WADAH).label("wadah_parts"),
        _sum(Statement.amount).label("amount"),
    ).where(Statement.month == month)
    return Issued(**(await session.execute(summed)).mappings().one())


async def find_statement(
    session: AsyncSession, statement_id: UUID, visible: ColumnElement[bool]
) -> Statement | None:
    statement = select(Statement).where(Statement.id == statement_id, visible)
    return (await session.scalars(statement)).one_or_none()


async def find_latest(
    session: AsyncSession, beneficiary_id: UUID, *, before: Month
) -> Statement | None:
    """Return a beneficiary's last statement for a month before this one."""
    statement = (
        select(Statement)
        .where(Statement.beneficiary_id == beneficiary_id, Statement.month < before)
        .order_by(Statement.month.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_statements(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    month: Month | None,
    beneficiary_id: UUID | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[Statement]:
    """Return statements, the latest month first."""
    conditions = [visible]
    if month is not None:
        conditions.append(Statement.month == month)
    if beneficiary_id is not None:
        conditions.append(Statement.beneficiary_id == beneficiary_id)
    if before_id is not None:
        conditions.append(Statement.id < before_id)
    statement = select(Statement).where(*conditions).order_by(Statement.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()


def _sum(what: Any, condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    summed = func.sum(what)
    chosen = summed if condition is None else summed.filter(condition)
    return cast(func.coalesce(chosen, 0), BigInteger)
