from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.allocations.queries import is_standing
from payment_service.allocations.rules import AllocationKind
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.collections.rules import Sum
from payment_service.payments.models import Payment
from payment_service.visibility import Sight
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two machines may be apart that give ids."""


async def sum_open_bills(session: AsyncSession, sight: Sight, *, at: datetime) -> Sum:
    """Return the bills that can be paid."""
    can_be_paid = (Bill.status == BillStatus.OPEN, Bill.expires_at > at)
    return await _read_sum(session, _sum_bills(sight, *can_be_paid))


async def sum_ended_bills(
    session: AsyncSession, sight: Sight, *, after: datetime, through: datetime
) -> Sum:
    """Return the bills that ended without a payment after an instant and through another."""
    in_time = (Bill.expires_at > after, Bill.expires_at <= through)
    # Each by its own index; an open one past its end is only not marked yet.
    parts = [
        await _read_sum(session, _sum_bills(sight, Bill.status == status, *in_time))
        for status in (BillStatus.OPEN, BillStatus.ENDED)
    ]
    return Sum.of_all(parts)


async def sum_collected(
    session: AsyncSession, sight: Sight, *, begin: datetime, end: datetime
) -> Sum:
    """Return what was paid for these members' bills in a time, less what was taken back since."""
    statement = (
        select(
            # Less those that were taken back whole, as where the calendar declined them.
            func.count().filter(Allocation.amount > 0) - func.count().filter(Allocation.amount < 0),
            cast(func.coalesce(func.sum(Allocation.amount), 0), BigInteger),
        )
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(
            Allocation.kind == AllocationKind.BILL,
            Payment.paid_at >= begin,
            Payment.paid_at < end,
            Allocation.member_id.in_(sight.members()),
        )
    )
    first_id = _find_first_id(begin)
    if first_id is not None:
        statement = statement.where(Allocation.payment_id >= first_id, Payment.id >= first_id)
    return await _read_sum(session, statement)


async def sum_suspense(session: AsyncSession) -> Sum:
    """Return what is in suspense."""
    statement = select(
        func.count(), cast(func.coalesce(func.sum(Allocation.amount), 0), BigInteger)
    ).where(Allocation.kind == AllocationKind.SUSPENSE, is_standing())
    return await _read_sum(session, statement)


def _find_first_id(paid_from: datetime) -> UUID | None:
    """Return an id that no payment since an instant is below; None where the clock was moved.

    A payment gets its id at its receipt, which is never before it was paid.
    """
    return None if clock.offset() else lowest_id_of(paid_from - CLOCKS_APART)


def _sum_bills(sight: Sight, *conditions: ColumnElement[bool]) -> Select[int, int]:
    statement = select(
        func.count(), cast(func.coalesce(func.sum(Bill.amount), 0), BigInteger)
    ).where(*conditions)
    if not sight.is_everyone:
        statement = statement.where(Bill.member_id.in_(sight.members()))
    return statement


async def _read_sum(session: AsyncSession, statement: Select[int, int]) -> Sum:
    count, amount = (await session.execute(statement)).one()
    return Sum(count, amount)
