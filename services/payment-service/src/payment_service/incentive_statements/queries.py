from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    RowMapping,
    Select,
    Text,
    Uuid,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.agents.rules import HeldReason
from payment_service.counting.models import Watermark
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import queries as holds
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import Balance
from payment_service.payouts.models import PayoutItem
from payment_service.schemes.rules import PARTS
from perisai_kit.db.bulk import any_id
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

PAYABLE: ColumnElement[int] = func.greatest(Statement.amount - Statement.brought_debt, 0)
"""rules.Due.payable in SQL."""
CARRIED_DEBT: ColumnElement[int] = func.greatest(Statement.brought_debt - Statement.amount, 0)
"""rules.Due.carried_debt in SQL."""


async def insert_statements(
    session: AsyncSession,
    month: Month,
    earned: Select[Any],
    *,
    ids: Sequence[UUID],
    issued_at: datetime,
) -> None:
    """Insert a statement for every row of a query, in one statement.

    earned: see `stated`. ids: as many as it has rows.
    """
    rows = stated(month, earned, issued_at=issued_at).subquery("rows")
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


def stated(month: Month, earned: Select[Any], *, issued_at: datetime) -> Select[Any]:
    """Return the query of a month's statements; its rows are numbered in `place`.

    earned: columns beneficiary_kind, beneficiary_id, wadah_id, branch_code, region_code,
    held_reason, line_count, contribution_parts, acquisition_parts, override_parts.
    """
    each = earned.subquery("earned")
    previous = (
        select(Statement.total_parts, CARRIED_DEBT.label("debt"))
        .where(Statement.beneficiary_id == each.c.beneficiary_id, Statement.month < month)
        .order_by(Statement.month.desc())
        .limit(1)
        .lateral("previous")
    )
    before = func.coalesce(previous.c.total_parts, 0)
    debt = func.coalesce(previous.c.debt, 0)
    # Of a debt no more than all of it: what a version before did not take into account stays open.
    set_off = func.least(_set_off_since(each.c.beneficiary_id), debt)
    parts = each.c.contribution_parts + each.c.acquisition_parts + each.c.override_parts
    columns: list[ColumnElement[Any]] = [
        func.row_number().over(order_by=each.c.beneficiary_id).label("place"),
        literal(month, Statement.month.type).label("month"),
        *each.c,
        rest_of(before).label("brought_parts"),
        (before + parts).label("total_parts"),
        rupiah_of(rest_of(before) + parts).label("amount"),
        set_off.label("set_off"),
        (debt - set_off).label("brought_debt"),
        literal(issued_at, Statement.issued_at.type).label("issued_at"),
    ]
    return select(*columns).select_from(each).outerjoin(previous, true())


def _set_off_since(beneficiary_id: Any) -> ColumnElement[int]:
    """Return what made up for a beneficiary's debt since the last statement: payouts and holds.

    Below zero where what that statement knew of has come back.
    """
    deducted = select(func.sum(PayoutItem.set_off)).where(
        PayoutItem.beneficiary_id == beneficiary_id, PayoutItem.is_live, PayoutItem.set_off > 0
    )
    earlier = aliased(Statement)
    known = select(func.sum(earlier.set_off)).where(
        earlier.beneficiary_id == beneficiary_id, earlier.set_off != 0
    )
    forfeited = holds.sum_set_off(beneficiary_id)
    sums = [func.coalesce(each.scalar_subquery(), 0) for each in (deducted, forfeited, known)]
    return cast(sums[0] + sums[1] - sums[2], BigInteger)


async def lock_debts(session: AsyncSession) -> None:
    """Let nobody else deduct debts, or state them, until this transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("incentive_debts"))))


def debts(*, stated_in: Month | None = None) -> Select[Any]:
    """Return the query of what statements took back and nothing has made up for, in rupiah.

    Columns: beneficiary_id, debt > 0. Payouts that deduct some of it count, whether they are paid
    yet or not, and so does what is held or forfeited. stated_in: only of those whose last statement
    is of this month.
    """
    later = aliased(Statement)
    is_last = ~exists().where(
        later.beneficiary_id == Statement.beneficiary_id, later.month > Statement.month
    )
    deducted = aliased(Statement)
    may_have_come_back = exists().where(
        deducted.beneficiary_id == Statement.beneficiary_id, deducted.set_off != 0
    )
    known = (
        select(Statement.beneficiary_id, CARRIED_DEBT.label("carried"))
        .where(or_(CARRIED_DEBT > 0, may_have_come_back), is_last)
        .where(true() if stated_in is None else Statement.month == stated_in)
        .subquery("known")
    )
    debt = known.c.carried - _set_off_since(known.c.beneficiary_id)
    owed = select(known.c.beneficiary_id, debt.label("debt")).subquery("owed")
    return select(owed).where(owed.c.debt > 0)


async def find_debts(
    session: AsyncSession, beneficiary_ids: Collection[UUID], *, stated_in: Month | None = None
) -> dict[UUID, int]:
    """Return the `debts` of these beneficiaries, of those with any.

    stated_in: the month of the last statement of each of them, if it is known: so no others of
    theirs are read.
    """
    asked = debts(stated_in=stated_in).where(column("beneficiary_id") == any_id(beneficiary_ids))
    rows = await session.execute(asked)
    return {row.beneficiary_id: row.debt for row in rows}


def issued(ids: Collection[UUID], *, is_held: ColumnElement[bool]) -> Select[Any]:
    """Return the query of statements as other services read them."""
    fields = ("beneficiary_kind", "beneficiary_id", "wadah_id", "month", "amount", "issued_at")
    published: list[ColumnElement[Any]] = [
        Statement.id.label("statement_id"),
        *(getattr(Statement, name) for name in fields),
        PAYABLE.label("payable"),
        is_held.label("is_held"),
    ]
    return select(*published).where(Statement.id == any_id(ids)).order_by(Statement.id)


def owed(ids: Collection[UUID], *, sign: Literal[1, -1]) -> Select[Any]:
    """Return the query of what statements owe, or take back: cause_id, part, amount."""
    columns: list[ColumnElement[Any]] = [
        Statement.id.label("cause_id"),
        cast(Statement.beneficiary_id, Text).label("part"),
        (Statement.amount * sign).label("amount"),
    ]
    return select(*columns).where(Statement.id == any_id(ids), Statement.amount * sign > 0)


def payable() -> Select[Any]:
    """Return the query of statements with what each gives beyond a debt, in rupiah.

    Columns: statement_id, month, who it is and where, held_reason, payable.
    """
    names = ("month", "beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code")
    columns = [getattr(Statement, name) for name in (*names, "region_code", "held_reason")]
    return select(Statement.id.label("statement_id"), *columns, PAYABLE.label("payable"))


@dataclass(frozen=True, slots=True)
class Issued:
    """What the statements of a month come to; amount in rupiah, the rest in parts."""

    statement_count: int
    line_count: int
    agent_parts: int
    wadah_parts: int
    amount: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Statements and their amounts, in rupiah."""

    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What the statements of a month would come to. amount, payable: in rupiah; the rest in parts.

    negative: those of less than nothing. rest_only_count: those of less than a rupiah. held: by
    the reason. payable: beyond debts, also where it is held.
    """

    statement_count: int
    line_count: int
    contribution_parts: int
    acquisition_parts: int
    override_parts: int
    amount: int
    payable: int
    rest_only_count: int
    agents: Sum
    wadahs: Sum
    negative: Sum
    held: Mapping[HeldReason, Sum]


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


async def sum_stated(session: AsyncSession, month: Month, earned: Select[Any]) -> Figures:
    """Add up the statements that a month would have. earned: see `stated`."""
    each = stated(month, earned, issued_at=clock.now()).subquery("stated")
    payable = func.greatest(each.c.amount - each.c.brought_debt, 0)
    summed = {
        **{name: _sum(each.c[name]) for name in _ADDED_UP},
        "statement_count": func.count(),
        "payable": _sum(payable),
        "rest_only_count": func.count().filter(each.c.amount == 0),
    }
    chosen = {
        "agents": each.c.beneficiary_kind == BeneficiaryKind.AGENT,
        "wadahs": each.c.beneficiary_kind == BeneficiaryKind.WADAH,
        "negative": each.c.amount < 0,
        **{reason.value: each.c.held_reason == reason.value for reason in HeldReason},
    }
    for name, condition in chosen.items():
        summed[f"{name}_count"] = func.count().filter(condition)
        summed[f"{name}_amount"] = _sum(each.c.amount, condition)
    row = (await session.execute(select(*(sql.label(name) for name, sql in summed.items())))).one()
    found: dict[str, Any] = row._asdict()
    for name in chosen:
        found[name] = Sum(found.pop(f"{name}_count"), found.pop(f"{name}_amount"))
    held = {reason: found.pop(reason.value) for reason in HeldReason}
    return Figures(**found, held=held)


_ADDED_UP = ("line_count", "contribution_parts", "acquisition_parts", "override_parts", "amount")


async def list_stated(
    session: AsyncSession, month: Month, earned: Select[Any]
) -> Sequence[RowMapping]:
    """Return the statements that a month would have, by beneficiary. earned: see `stated`."""
    rows = stated(month, earned, issued_at=clock.now()).order_by("place")
    found: Sequence[RowMapping] = (await session.execute(rows)).mappings().all()
    return found


def is_whole() -> ColumnElement[bool]:
    """Return whether a statement's month has all its statements: until then none is shown."""
    closing = select(Watermark.closing).scalar_subquery()
    return Statement.month.is_distinct_from(closing)


async def find_statement(
    session: AsyncSession, statement_id: UUID, visible: ColumnElement[bool]
) -> Statement | None:
    statement = select(Statement).where(Statement.id == statement_id, visible, is_whole())
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


async def find_balance(session: AsyncSession, statement: Statement) -> Balance:
    """Return where a statement, and the payouts up to the next one, leave off."""
    following = (
        select(Statement.brought_debt)
        .where(
            Statement.beneficiary_id == statement.beneficiary_id, Statement.month > statement.month
        )
        .order_by(Statement.month)
        .limit(1)
    )
    debt = await session.scalar(following)
    if debt is None:
        debts = await find_debts(session, [statement.beneficiary_id])
        debt = debts.get(statement.beneficiary_id, 0)
    return Balance(statement.total_parts, debt)


async def list_latest_of(
    session: AsyncSession, beneficiary_ids: Collection[UUID], *, before: Month
) -> Sequence[Statement]:
    """Return the last statement of each of these beneficiaries for a month before this one."""
    statement = (
        select(Statement)
        .ext(distinct_on(Statement.beneficiary_id))
        .where(Statement.beneficiary_id == any_id(beneficiary_ids), Statement.month < before)
        .order_by(Statement.beneficiary_id, Statement.month.desc())
    )
    return (await session.scalars(statement)).all()


async def list_statements(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    month: Month | None,
    beneficiary_id: UUID | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[Statement]:
    """Return the statements of months that have all of them, the latest month first."""
    conditions = [visible, is_whole()]
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
