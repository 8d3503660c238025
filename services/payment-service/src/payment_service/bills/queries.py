from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers import queries as answers
from payment_service.answers.models import CoverageAnswer
from payment_service.bills.models import SERIALS, Bill, BillLine, VirtualAccount
from payment_service.bills.rules import BillStatus, LockedBill, LockedLine
from payment_service.tariffs.rules import Line
from perisai_kit.db.sql import CountedStatement, Executor, SqlStatement
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme

_ISSUE_LOCK = 4_703
"""The first number of the lock under which bills of one member are issued."""

_PLACES = {programme: place for place, programme in enumerate(Programme)}


async def next_serial(session: AsyncSession) -> int:
    """Return a number no bill has had."""
    return (await session.execute(select(SERIALS.next_value()))).scalar_one()


async def insert_bill(
    session: AsyncSession, bill: Bill, lines: Sequence[Line], accounts: Sequence[VirtualAccount]
) -> Sequence[BillLine]:
    session.add(bill)
    await session.flush()
    rows = [
        BillLine(
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
        for line in lines
    ]
    session.add_all([*rows, *accounts])
    await session.flush()
    return rows


async def find_bill(
    session: AsyncSession, bill_id: UUID, visible: ColumnElement[bool]
) -> Bill | None:
    return (await session.scalars(select(Bill).where(Bill.id == bill_id, visible))).one_or_none()


async def find_bill_by_account(
    session: AsyncSession, *, partner_id: UUID, customer_no: str
) -> Bill | None:
    statement = (
        select(Bill)
        .join(VirtualAccount, VirtualAccount.bill_id == Bill.id)
        .where(VirtualAccount.partner_id == partner_id, VirtualAccount.customer_no == customer_no)
    )
    return (await session.scalars(statement)).one_or_none()


async def lock_bills(session: AsyncSession, bill_ids: Sequence[UUID]) -> Sequence[Bill]:
    """Lock these bills, by id: two writers that lock in different orders deadlock."""
    statement = (
        select(Bill)
        .where(Bill.id.in_(bill_ids))
        .order_by(Bill.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


# The plain columns in the order of LockedBill, then those that need reading.
_LOCK_FOR_PAYMENT = """
    SELECT account.partner_id, account.customer_no,
           bill.id, bill.amount, bill.issued_at, bill.expires_at, bill.display_name,
           bill.member_id, bill.month_count, bill.status, bill.payer, bill.first_month,
           line.months, line.programmes, line.amounts, line.relief_amounts
    FROM unnest($1::uuid[], $2::text[]) AS wanted (partner_id, customer_no)
    JOIN virtual_accounts AS account USING (partner_id, customer_no)
    JOIN bills AS bill ON bill.id = account.bill_id
    CROSS JOIN LATERAL (
        SELECT array_agg(month) AS months, array_agg(programme) AS programmes,
               array_agg(amount) AS amounts, array_agg(relief_amount) AS relief_amounts
        FROM bill_lines WHERE bill_lines.bill_id = bill.id
    ) AS line
    ORDER BY bill.id
    FOR UPDATE OF bill
"""
_PAY = """
    UPDATE bills SET status = 'paid', paid_at = payment.paid_at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS payment (bill_id, paid_at)
    WHERE bills.id = payment.bill_id AND bills.status = 'open'
    RETURNING bills.id
"""


async def lock_for_payment(
    run: Executor, accounts: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], LockedBill]:
    """Lock the bills of these pairs of partner and customer number, by id as `lock_bills` does."""
    partner_ids, customer_nos = [each[0] for each in accounts], [each[1] for each in accounts]
    rows = await run(SqlStatement(_LOCK_FOR_PAYMENT, (partner_ids, customer_nos)))
    return {(partner_id, customer_no): _locked(bill) for partner_id, customer_no, *bill in rows}


def _locked(row: Sequence[Any]) -> LockedBill:
    id_, amount, issued_at, expires_at, name, member_id, month_count, *row = row
    status, payer, first_month, *lines = row
    return LockedBill(
        id=id_,
        amount=amount,
        issued_at=issued_at,
        expires_at=expires_at,
        display_name=name,
        member_id=member_id,
        month_count=month_count,
        status=BillStatus(status),
        payer=Payer(payer),
        first_month=Month.parse(first_month),
        lines=_lines(*lines),
    )


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
    """Return the statement that marks open bills paid. paid_at: by the id of the bill."""
    return CountedStatement(_PAY, (list(paid_at), list(paid_at.values())), count=len(paid_at))


async def lock_expired_bills(
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


async def lock_issuing(session: AsyncSession, member_id: UUID) -> None:
    """Let one transaction at a time issue a bill of this member, until it ends."""
    member = func.hashtext(str(member_id))
    await session.execute(select(func.pg_advisory_xact_lock(_ISSUE_LOCK, member)))


async def lock_open_bill(session: AsyncSession, member_id: UUID) -> Bill | None:
    """Lock the member's open bill, after the payment that may hold it."""
    statement = (
        select(Bill)
        .where(Bill.member_id == member_id, Bill.status == BillStatus.OPEN)
        .order_by(Bill.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_paid_months(
    session: AsyncSession, member_id: UUID, months: Sequence[Month], *, since: datetime | None
) -> Sequence[Month]:
    """Return those of the months that stand on a bill of the member paid since an instant.

    Months that member-service declined or withdrew are not paid.
    """
    statement = (
        select(BillLine.month)
        .distinct()
        .join(Bill, Bill.id == BillLine.bill_id)
        .outerjoin(CoverageAnswer, CoverageAnswer.bill_id == Bill.id)
        .where(
            Bill.member_id == member_id,
            Bill.status == BillStatus.PAID,
            BillLine.month.in_(months),
            answers.counts(BillLine.month),
        )
        .order_by(BillLine.month)
    )
    if since is not None:
        statement = statement.where(Bill.paid_at >= since)
    return (await session.scalars(statement)).all()


async def list_bills(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    member_id: UUID | None,
    status: BillStatus | None,
    at: datetime,
    before_id: UUID | None,
    limit: int,
) -> Sequence[Bill]:
    """Return bills, the latest first."""
    conditions = [visible]
    if member_id is not None:
        conditions.append(Bill.member_id == member_id)
    if status is not None:
        conditions.append(_has_status(status, at))
    if before_id is not None:
        conditions.append(Bill.id < before_id)
    statement = select(Bill).where(*conditions).order_by(Bill.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()


def _has_status(status: BillStatus, at: datetime) -> ColumnElement[bool]:
    # As rules.shown_status: an open bill past its end is shown as expired.
    over = and_(Bill.status == BillStatus.OPEN, Bill.expires_at <= at)
    match status:
        case BillStatus.OPEN:
            return and_(Bill.status == BillStatus.OPEN, Bill.expires_at > at)
        case BillStatus.EXPIRED:
            return or_(Bill.status == BillStatus.EXPIRED, over)
        case BillStatus.PAID | BillStatus.CANCELLED:
            return Bill.status == status


async def list_lines(session: AsyncSession, bill_id: UUID) -> Sequence[BillLine]:
    """Return a bill's lines by month and then JKK, JKM, JHT."""
    lines = (await session.scalars(select(BillLine).where(BillLine.bill_id == bill_id))).all()
    return sorted(lines, key=lambda line: (line.month, _PLACES[line.programme]))


async def list_accounts(session: AsyncSession, bill_id: UUID) -> Sequence[VirtualAccount]:
    statement = (
        select(VirtualAccount)
        .where(VirtualAccount.bill_id == bill_id)
        .order_by(VirtualAccount.partner_name, VirtualAccount.partner_id)
    )
    return (await session.scalars(statement)).all()
