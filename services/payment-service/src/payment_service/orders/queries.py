from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.models import Bill
from payment_service.bills.queries import LINES_OF_BILL, LOCKED_COLUMNS, read_locked
from payment_service.bills.rules import BillStatus, LockedBill
from payment_service.orders.models import CorrectedMember, Order
from payment_service.orders.rules import AskedBill, AskedOrder, LockedOrder
from perisai_kit.db.bulk import any_id
from perisai_kit.db.sql import Executor, SqlStatement

Accounts = dict[tuple[UUID, str], LockedOrder]
"""Orders by partner and customer number."""
Asked = dict[tuple[UUID, str], AskedOrder]
"""Orders by partner and customer number, as inquiries read them."""

# The bills alone are locked: the order never changes, and who waited for its row would read its
# bills as they were before.
_LOCK_ORDERS = f"""
    SELECT account.partner_id, account.customer_no, account.order_id, account.shown_name,
           {LOCKED_COLUMNS}
    FROM unnest($1::uuid[], $2::text[]) AS wanted (partner_id, customer_no)
    JOIN virtual_accounts AS account USING (partner_id, customer_no)
    JOIN bills AS bill ON bill.order_id = account.order_id
    {LINES_OF_BILL}
    ORDER BY bill.id
    FOR UPDATE OF bill
"""  # noqa: S608 - our own names
# What another transaction holds is passed over; what it does not hold is locked here.
_FIND_HELD = """
    WITH free AS MATERIALIZED (
        SELECT bill.id
        FROM unnest($1::uuid[], $2::text[]) AS wanted (partner_id, customer_no)
        JOIN virtual_accounts AS account USING (partner_id, customer_no)
        JOIN bills AS bill ON bill.order_id = account.order_id
        ORDER BY bill.id
        FOR UPDATE OF bill SKIP LOCKED
    )
    SELECT DISTINCT account.partner_id, account.customer_no
    FROM unnest($1::uuid[], $2::text[]) AS wanted (partner_id, customer_no)
    JOIN virtual_accounts AS account USING (partner_id, customer_no)
    JOIN bills AS bill ON bill.order_id = account.order_id
    WHERE bill.id NOT IN (SELECT id FROM free)
"""
_FIND_ASKED = """
    SELECT account.partner_id, account.customer_no, account.shown_name,
           bill.amount, bill.status, bill.expires_at, bill.withdrawn_at
    FROM unnest($1::uuid[], $2::text[]) AS wanted (partner_id, customer_no)
    JOIN virtual_accounts AS account USING (partner_id, customer_no)
    JOIN bills AS bill ON bill.order_id = account.order_id
    ORDER BY bill.id
"""


async def insert_order(session: AsyncSession, order: Order) -> None:
    session.add(order)
    await session.flush()


async def lock_orders(run: Executor, accounts: Collection[tuple[UUID, str]]) -> Accounts:
    """Lock the bills of the orders under these pairs of partner and customer number, by id."""
    bills: dict[tuple[UUID, str, UUID, bytes], list[LockedBill]] = defaultdict(list)
    for partner_id, customer_no, order_id, shown_name, *bill in await run(
        SqlStatement(_LOCK_ORDERS, _split(accounts))
    ):
        bills[partner_id, customer_no, order_id, shown_name].append(read_locked(bill))
    return {
        (partner_id, customer_no): LockedOrder(order_id, shown_name, own)
        for (partner_id, customer_no, order_id, shown_name), own in bills.items()
    }


async def find_held(run: Executor, accounts: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those of these accounts of which another transaction holds a bill, without waiting.

    All other bills of these orders are locked.
    """
    rows = await run(SqlStatement(_FIND_HELD, _split(accounts)))
    return {(partner_id, customer_no) for partner_id, customer_no in rows}


async def find_asked(run: Executor, accounts: Collection[tuple[UUID, str]]) -> Asked:
    """Return the orders under these pairs of partner and customer number, without a lock."""
    found: Asked = {}
    for partner_id, customer_no, shown_name, amount, status, expires_at, withdrawn_at in await run(
        SqlStatement(_FIND_ASKED, _split(accounts))
    ):
        bill = AskedBill(amount, BillStatus(status), expires_at, withdrawn_at)
        before = found.get((partner_id, customer_no))
        bills = (bill,) if before is None else (*before.bills, bill)
        found[partner_id, customer_no] = AskedOrder(shown_name, bills)
    return found


def _split(accounts: Collection[tuple[UUID, str]]) -> tuple[list[UUID], list[str]]:
    return [each[0] for each in accounts], [each[1] for each in accounts]


async def find_order(
    session: AsyncSession, order_id: UUID, visible: ColumnElement[bool]
) -> Order | None:
    """Return an order with a bill that is visible."""
    has_bill = exists().where(Bill.order_id == Order.id, visible)
    statement = select(Order).where(Order.id == order_id, has_bill)
    return (await session.scalars(statement)).one_or_none()


async def list_orders(
    session: AsyncSession, visible: ColumnElement[bool], *, before_id: UUID | None, limit: int
) -> Sequence[Order]:
    """Return the orders of several bills, one of them visible, the latest first."""
    has_bill = exists().where(Bill.order_id == Order.id, visible)
    statement = select(Order).where(Order.bill_count > 1, has_bill)
    if before_id is not None:
        statement = statement.where(Order.id < before_id)
    return (await session.scalars(statement.order_by(Order.id.desc()).limit(limit))).all()


async def list_of_one(session: AsyncSession, order_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these orders that have only one bill."""
    wanted = select(Order.id).where(Order.id == any_id(order_ids), Order.bill_count == 1)
    return set(await session.scalars(wanted))


async def upsert_corrected(
    session: AsyncSession, member_id: UUID, *, is_judged: bool, noted_at: datetime
) -> None:
    new = insert(CorrectedMember).values(
        member_id=member_id, noted_at=noted_at, is_judged=is_judged
    )
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[CorrectedMember.member_id],
            set_={
                "noted_at": new.excluded.noted_at,
                "again_at": None,
                "is_judged": or_(CorrectedMember.is_judged, new.excluded.is_judged),
            },
        )
    )


async def list_corrected(
    session: AsyncSession, *, at: datetime, limit: int
) -> Sequence[CorrectedMember]:
    """Return corrected members whose turn it is, the first noted first."""
    is_due = or_(CorrectedMember.again_at.is_(None), CorrectedMember.again_at <= at)
    statement = (
        select(CorrectedMember)
        .where(is_due)
        .order_by(CorrectedMember.noted_at, CorrectedMember.member_id)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


async def end_turn(
    session: AsyncSession, noted: Sequence[CorrectedMember], *, again_at: datetime
) -> None:
    """Give these members a second turn, or forget them after it, but those noted anew."""
    pairs = [(each.member_id, each.noted_at) for each in noted]
    known = tuple_(CorrectedMember.member_id, CorrectedMember.noted_at).in_(pairs)
    ended = delete(CorrectedMember).where(known, CorrectedMember.again_at.is_not(None))
    await session.execute(ended)
    await session.execute(update(CorrectedMember).where(known).values(again_at=again_at))
