from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    Uuid,
    and_,
    cast,
    column,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers import queries as answers
from payment_service.answers.models import CoverageAnswer
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.rules import BillStatus, LockedBill, LockedLine, VoidReason
from payment_service.tariffs.rules import Line
from perisai_kit.db.bulk import any_id
from perisai_kit.db.sql import CountedStatement, Executor, SqlStatement, execute
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme

_MEMBER_LOCK = 4_703
"""The first number of the lock of one member, under which no bill opens while another is paid."""

_PLACES = {programme: place for place, programme in enumerate(Programme)}


async def insert_bills(session: AsyncSession, bills: Sequence[tuple[Bill, Sequence[Line]]]) -> None:
    """Insert bills with their lines; their order is there."""
    session.add_all([bill for bill, _ in bills])
    await session.flush()
    session.add_all([_make_line(bill, line) for bill, lines in bills for line in lines])
    await session.flush()


def _make_line(bill: Bill, line: Line) -> BillLine:
    return BillLine(
        bill_id=bill.id,
        month=line.month,
        programme=line.programme,
        band=line.band,
        reference_income=line.reference_income,
        full_amount=line.full_amount,
        relief_bps=line.relief_bps,
        relief_amount=line.relief_amount,
        relief_basis=line.relief_basis,
        amount=line.amount,
    )


async def find_bill(
    session: AsyncSession, bill_id: UUID, visible: ColumnElement[bool]
) -> Bill | None:
    return (await session.scalars(select(Bill).where(Bill.id == bill_id, visible))).one_or_none()


async def list_by_ids(session: AsyncSession, bill_ids: Collection[UUID]) -> Sequence[Bill]:
    return (await session.scalars(select(Bill).where(Bill.id == any_id(bill_ids)))).all()


async def lock_bills(session: AsyncSession, *conditions: ColumnElement[bool]) -> Sequence[Bill]:
    """Lock the bills that meet the conditions, by id.

    All lock them in this order, because two that lock in different orders would deadlock.
    """
    statement = select(Bill).where(*conditions).order_by(Bill.id).with_for_update()
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


LOCKED_COLUMNS = """
    bill.id, bill.amount, bill.issued_at, bill.expires_at, bill.member_id, bill.status, bill.payer,
    bill.withdrawn_at, line.months, line.programmes, line.amounts, line.relief_amounts
"""
"""What `read_locked` reads: of `bills AS bill` and of LINES_OF_BILL."""
LINES_OF_BILL = """
    CROSS JOIN LATERAL (
        SELECT array_agg(month) AS months, array_agg(programme) AS programmes,
               array_agg(amount) AS amounts, array_agg(relief_amount) AS relief_amounts
        FROM bill_lines WHERE bill_lines.bill_id = bill.id
    ) AS line
"""
_PAY = """
    UPDATE bills SET status = 'paid', paid_at = payment.paid_at, updated_at = now()
    FROM unnest($1::uuid[], $2::timestamptz[]) AS payment (bill_id, paid_at)
    WHERE bills.id = payment.bill_id AND bills.status <> 'paid'
    RETURNING bills.id
"""
_REPLACE = """
    UPDATE bills SET status = 'replaced', withdrawn_at = newer.at, withdrawn_by = newer.by,
        replaced_by = newer.id, updated_at = now()
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[])
        AS newer (replaced_id, id, at, by)
    WHERE bills.id = newer.replaced_id
    RETURNING bills.id
"""
_VOID = """
    UPDATE bills SET status = 'void', withdrawn_at = $2, void_reason = $3, updated_at = now()
    WHERE id = ANY($1::uuid[]) AND status = 'open'
    RETURNING id
"""
# Only what was booked after the late bill was issued: its months were unpaid then.
_PAID_BESIDES = """
    SELECT late.bill_id, line.month
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS late (bill_id, member_id, issued_at)
    JOIN allocations AS other ON other.member_id = late.member_id AND other.kind = 'bill'
        AND other.amount > 0 AND other.allocated_at >= late.issued_at
    JOIN bill_lines AS line ON line.bill_id = other.bill_id
    LEFT JOIN coverage_answers AS answer ON answer.allocation_id = other.id
    WHERE answer.bill_id IS NULL OR answer.months ? line.month
"""
_LOCK_MEMBERS = f"""
    SELECT pg_advisory_xact_lock({_MEMBER_LOCK}, hashtext(number))
    FROM unnest($1::text[]) AS member (number)
"""  # noqa: S608 - our own names
_FIND_ONE = f"""
    SELECT {LOCKED_COLUMNS} FROM bills AS bill {LINES_OF_BILL} WHERE bill.id = $1
"""  # noqa: S608 - our own names
_LOCK_ONE = f"{_FIND_ONE} FOR UPDATE OF bill"
_LOCK_OPEN = f"""
    SELECT {LOCKED_COLUMNS} FROM bills AS bill {LINES_OF_BILL}
    WHERE bill.member_id = ANY($1::uuid[]) AND bill.status = 'open'
    ORDER BY bill.id
    FOR UPDATE OF bill
"""  # noqa: S608 - our own names


def read_locked(row: Iterable[Any]) -> LockedBill:
    """Return a bill from its LOCKED_COLUMNS."""
    id_, amount, issued_at, expires_at, member_id, status, payer, withdrawn_at, *lines = row
    return LockedBill(
        id=id_,
        amount=amount,
        issued_at=issued_at,
        expires_at=expires_at,
        member_id=member_id,
        status=BillStatus(status),
        payer=Payer(payer),
        withdrawn_at=withdrawn_at,
        lines=_lines(*lines),
    )


async def find_locked(run: Executor, bill_id: UUID, *, lock: bool) -> LockedBill | None:
    """Return a bill as a payment sees it. lock: for as long as the transaction lives."""
    rows = await run(SqlStatement(_LOCK_ONE if lock else _FIND_ONE, (bill_id,)))
    return next(map(read_locked, rows), None)


async def lock_open_of_members(
    run: Executor, member_ids: Collection[UUID]
) -> dict[UUID, LockedBill]:
    """Lock the open bills of these members, and return them by member."""
    rows = await run(SqlStatement(_LOCK_OPEN, (list(member_ids),)))
    return {bill.member_id: bill for bill in map(read_locked, rows)}


async def list_paid_besides(run: Executor, late: Collection[LockedBill]) -> dict[UUID, set[Month]]:
    """Return which months of the members of these bills were paid since by others, by member."""
    member_of = {bill.id: bill.member_id for bill in late}
    columns = (list(member_of), list(member_of.values()), [bill.issued_at for bill in late])
    found: dict[UUID, set[Month]] = {bill.member_id: set() for bill in late}
    for bill_id, month in await run(SqlStatement(_PAID_BESIDES, columns)):
        found[member_of[bill_id]].add(Month.parse(month))
    return found


def _lines(
    months: Sequence[str],
    programmes: Sequence[str],
    amounts: Sequence[int],
    relief_amounts: Sequence[int],
) -> tuple[LockedLine, ...]:
    return tuple(
        LockedLine(month, programme, amounts[place], relief_amounts[place])
        for month, programme, place in _parts(tuple(months), tuple(programmes))
    )


# Most bills of a month have the same lines but for their amounts.
@lru_cache(maxsize=1024)
def _parts(
    months: tuple[str, ...], programmes: tuple[str, ...]
) -> tuple[tuple[Month, Programme, int], ...]:
    """Return the lines of a bill in their order, each with its place among what was read."""
    named = zip(map(Month.parse, months), map(Programme, programmes), count())
    return tuple(sorted(named, key=lambda part: (part[0], _PLACES[part[1]])))


def pay_statement(paid_at: Mapping[UUID, datetime]) -> CountedStatement:
    """Return the statement that marks bills paid, which are locked and payable.

    paid_at: the instant by the id of the bill.
    """
    return CountedStatement(_PAY, (list(paid_at), list(paid_at.values())), count=len(paid_at))


def void_statement(
    bill_ids: Sequence[UUID], *, at: datetime, reason: VoidReason
) -> CountedStatement:
    """Return the statement that makes open bills void."""
    return CountedStatement(_VOID, (list(bill_ids), at, str(reason)), count=len(bill_ids))


async def replace_bills(session: AsyncSession, newer: Mapping[UUID, Bill]) -> None:
    """Let newer bills take the place of open ones. newer: by the id of the replaced bill."""
    columns = (
        list(newer),
        [bill.id for bill in newer.values()],
        [bill.issued_at for bill in newer.values()],
        [bill.issued_by for bill in newer.values()],
    )
    await execute(session, SqlStatement(_REPLACE, columns))


async def lock_ended_bills(
    session: AsyncSession, *, through: datetime, limit: int
) -> Sequence[Bill]:
    """Lock open bills that ended until an instant; those locked already can wait."""
    statement = (
        select(Bill)
        .where(Bill.status == BillStatus.OPEN, Bill.expires_at <= through)
        .order_by(Bill.expires_at, Bill.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def lock_members(run: Executor, member_ids: Collection[UUID]) -> None:
    """Let one transaction at a time issue bills of these members or book late reports."""
    numbers = sorted({str(member_id) for member_id in member_ids})
    await run(SqlStatement(_LOCK_MEMBERS, (numbers,)))


async def lock_open_bills(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, Bill]:
    """Lock the open bills of members, after payments that may hold them; return them by member."""
    is_open = Bill.status == BillStatus.OPEN
    found = await lock_bills(session, Bill.member_id == any_id(member_ids), is_open)
    return {bill.member_id: bill for bill in found}


async def list_paid_months(
    session: AsyncSession, since: Mapping[UUID, datetime | None]
) -> dict[UUID, list[Month]]:
    """Return the months on bills of members paid since an instant, in order, by member.

    since: the instant by member; None: ever. Months that member-service declined or withdrew are
    not paid.
    """
    asked = (
        func.unnest(
            cast(list(since), ARRAY(Uuid())),
            cast(list(since.values()), ARRAY(DateTime(timezone=True))),
        )
        .table_valued(
            column("member_id", Uuid()), column("since", DateTime(timezone=True)), name="asked"
        )
        .render_derived()
    )
    statement = (
        select(Bill.member_id, BillLine.month)
        .distinct()
        .join(asked, asked.c.member_id == Bill.member_id)
        .join(BillLine, BillLine.bill_id == Bill.id)
        .outerjoin(CoverageAnswer, CoverageAnswer.bill_id == Bill.id)
        .where(
            Bill.status == BillStatus.PAID,
            or_(asked.c.since.is_(None), Bill.paid_at >= asked.c.since),
            answers.counts(BillLine.month),
        )
        .order_by(Bill.member_id, BillLine.month)
    )
    found: dict[UUID, list[Month]] = {member_id: [] for member_id in since}
    for member_id, month in await session.execute(statement):
        found[member_id].append(month)
    return found


async def list_of_member(
    session: AsyncSession, member_id: UUID, *, before_id: UUID | None, limit: int
) -> Sequence[Bill]:
    """Return the bills of a member, the latest first."""
    statement = select(Bill).where(Bill.member_id == member_id)
    if before_id is not None:
        statement = statement.where(Bill.id < before_id)
    return (await session.scalars(statement.order_by(Bill.id.desc()).limit(limit))).all()


def status_conditions(
    status: BillStatus | None, at: datetime, *, is_of_member: bool = False, is_by_end: bool = False
) -> list[ColumnElement[bool]]:
    """Return the conditions of which one makes the status that is shown; no bill meets two.

    is_of_member: for the bills of one member, who has one open bill at most. is_by_end: for a list
    in the order of their ends.
    """
    # As rules.shown_status: an open bill past its end is shown as ended.
    match status:
        case None:
            return [true()]
        case BillStatus.OPEN:
            can_be_paid: ColumnElement[bool] = Bill.expires_at > at
            if not (is_of_member or is_by_end):
                # Nearly all open bills can be paid, but the planner expects few, and would read
                # and sort them all. Within another function it goes through them in their order.
                can_be_paid = func.coalesce(can_be_paid, false())
            return [and_(Bill.status == BillStatus.OPEN, can_be_paid)]
        case BillStatus.ENDED:
            overdue = (
                and_(Bill.status == BillStatus.OPEN, Bill.expires_at <= at)
                if is_of_member
                else Bill.id.in_(_select_overdue(at))
            )
            return [Bill.status == BillStatus.ENDED, overdue]
        case BillStatus.PAID | BillStatus.REPLACED | BillStatus.VOID:
            return [Bill.status == status]


def _select_overdue(at: datetime) -> Select[Any]:
    """Return the query of open bills past their end, which the task ends within a day or so.

    Materialised, because they are few and the planner would look for them among all bills.
    """
    is_overdue = and_(Bill.status == BillStatus.OPEN, Bill.expires_at <= at)
    overdue = select(Bill.id).where(is_overdue).cte("overdue").prefix_with("MATERIALIZED")
    columns: list[ColumnElement[Any]] = [overdue.c.id]
    return select(*columns)


async def list_of_order(
    session: AsyncSession, order_id: UUID, visible: ColumnElement[bool]
) -> Sequence[Bill]:
    """Return the bills of an order, by id."""
    statement = select(Bill).where(Bill.order_id == order_id, visible).order_by(Bill.id)
    return (await session.scalars(statement)).all()


async def list_lines(session: AsyncSession, bill_id: UUID) -> Sequence[BillLine]:
    """Return a bill's lines by month and then JKK, JKM, JHT."""
    return await list_lines_of(session, [bill_id])


async def list_lines_of(session: AsyncSession, bill_ids: Collection[UUID]) -> Sequence[BillLine]:
    """Return the lines of bills, of each by month and then JKK, JKM, JHT."""
    lines = await session.scalars(select(BillLine).where(BillLine.bill_id == any_id(bill_ids)))
    return sorted(lines, key=lambda line: (line.month, _PLACES[line.programme]))
