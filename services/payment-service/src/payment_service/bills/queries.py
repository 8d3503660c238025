from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.models import SERIALS, Bill, BillLine, BillMonth, VirtualAccount
from payment_service.bills.rules import BillStatus
from payment_service.tariffs.rules import Line, Programme
from perisai_kit.month import Month


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


async def insert_once_months(
    session: AsyncSession, *, bill_id: UUID, member_id: UUID, months: Sequence[Month]
) -> set[Month]:
    """Take the months for this bill and return those it got; another bill holds the others.

    Waits for a bill of the same member that is being issued at the same moment.
    """
    rows = [
        {"bill_id": bill_id, "month": month, "member_id": member_id, "live": True}
        for month in sorted(months)  # in one order, so that two bills never wait for each other
    ]
    statement = (
        insert(BillMonth)
        .values(rows)
        .on_conflict_do_nothing(
            index_elements=[BillMonth.member_id, BillMonth.month], index_where=text("live")
        )
        .returning(BillMonth.month)
    )
    return set((await session.scalars(statement)).all())


async def free_months(session: AsyncSession, bill_ids: Sequence[UUID]) -> None:
    """Let other bills hold the months of these bills."""
    await session.execute(
        update(BillMonth).where(BillMonth.bill_id.in_(bill_ids)).values(live=False)
    )


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


async def find_bill_ids_by_account(
    session: AsyncSession, accounts: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], UUID]:
    """Return the bills of these pairs of partner and customer number."""
    key = (VirtualAccount.partner_id, VirtualAccount.customer_no)
    rows = await session.execute(
        select(*key, VirtualAccount.bill_id).where(tuple_(*key).in_(accounts))
    )
    return {(partner_id, customer_no): bill_id for partner_id, customer_no, bill_id in rows}


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


async def lock_expired_bills(
    session: AsyncSession, *, before: datetime, limit: int
) -> Sequence[Bill]:
    """Lock open bills that could last be paid before an instant; those locked already can wait."""
    statement = (
        select(Bill)
        .where(Bill.status == BillStatus.OPEN, Bill.expires_at < before)
        .order_by(Bill.expires_at, Bill.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def lock_expired_bills_of_member(
    session: AsyncSession, member_id: UUID, *, before: datetime, limit: int
) -> Sequence[Bill]:
    statement = (
        select(Bill)
        .where(
            Bill.member_id == member_id, Bill.status == BillStatus.OPEN, Bill.expires_at < before
        )
        .order_by(Bill.id)
        .limit(limit)
        .with_for_update()
    )
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
    over = and_(Bill.status == BillStatus.OPEN, Bill.expires_at < at)
    match status:
        case BillStatus.OPEN:
            return and_(Bill.status == BillStatus.OPEN, Bill.expires_at >= at)
        case BillStatus.EXPIRED:
            return or_(Bill.status == BillStatus.EXPIRED, over)
        case BillStatus.PAID | BillStatus.CANCELLED:
            return Bill.status == status


async def list_lines(session: AsyncSession, bill_id: UUID) -> Sequence[BillLine]:
    """Return a bill's lines by month and then JKK, JKM, JHT."""
    lines = (await session.scalars(select(BillLine).where(BillLine.bill_id == bill_id))).all()
    order = {programme: place for place, programme in enumerate(Programme)}
    return sorted(lines, key=lambda line: (line.month, order[line.programme]))


async def list_accounts(session: AsyncSession, bill_id: UUID) -> Sequence[VirtualAccount]:
    statement = (
        select(VirtualAccount)
        .where(VirtualAccount.bill_id == bill_id)
        .order_by(VirtualAccount.partner_name, VirtualAccount.partner_id)
    )
    return (await session.scalars(statement)).all()
