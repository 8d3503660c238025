from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AnswerOutcome
from payment_service.bills.models import Bill
from payment_service.payments.models import Payment
from payment_service.payments.rules import Settlement
from perisai_kit.db.sql import CountedStatement

# In one order: two writers that insert the same requests in different orders deadlock.
_USE_REQUESTS = """
    INSERT INTO payment_requests (partner_id, request_id, payment_id, callback_id)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])
        AS used (partner_id, request_id, payment_id, callback_id)
    ORDER BY partner_id, request_id
    RETURNING payment_id
"""
_INSERT = """
    INSERT INTO payments (
        id, partner_id, payment_request_id, order_id, amount, trx_date_time, received_at,
        paid_at, channel_code, reference_no
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::timestamptz[],
        $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[]
    )
    RETURNING id
"""


def use_requests_statement(settlements: Sequence[Settlement]) -> CountedStatement:
    """Return the statement that uses up the request ids of one payment or more."""
    columns = (
        [each.notice.partner_id for each in settlements],
        [each.notice.payment_request_id for each in settlements],
        [each.payment_id for each in settlements],
        [each.callback_id for each in settlements],
    )
    return CountedStatement(_USE_REQUESTS, columns, count=len(settlements))


def insert_payments_statement(settlements: Sequence[Settlement]) -> CountedStatement:
    """Return the statement that inserts one payment or more."""
    columns = zip(*(_row(each) for each in settlements), strict=True)
    return CountedStatement(_INSERT, list(columns), count=len(settlements))


def _row(settlement: Settlement) -> tuple[Any, ...]:
    notice = settlement.notice
    return (
        settlement.payment_id,
        notice.partner_id,
        notice.payment_request_id,
        settlement.order_id,
        notice.amount,
        notice.trx_date_time,
        notice.received_at,
        notice.paid_at,
        notice.channel_code,
        notice.reference_no,
    )


async def find_payment(
    session: AsyncSession, payment_id: UUID, visible: ColumnElement[bool]
) -> Payment | None:
    """Return a payment of which an allocation is visible."""
    statement = select(Payment).where(Payment.id == payment_id, _has_allocation(visible))
    return (await session.scalars(statement)).one_or_none()


async def list_payments(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    member_id: UUID | None,
    bill_id: UUID | None,
    order_id: UUID | None,
    is_declined: bool,
    before_id: UUID | None,
    limit: int,
) -> Sequence[Payment]:
    """Return payments of which an allocation is visible and as asked, the latest first.

    is_declined: only those with an allocation that was declined.
    """
    allocation = [visible]
    if member_id is not None:
        allocation.append(Allocation.member_id == member_id)
    if bill_id is not None:
        # By its member, for whom there is an index.
        member = select(Bill.member_id).where(Bill.id == bill_id).scalar_subquery()
        allocation += [Allocation.member_id == member, Allocation.bill_id == bill_id]
    if is_declined:
        allocation.append(tuple_(Allocation.payment_id, Allocation.id).in_(_DECLINED))
    conditions = [_has_allocation(*allocation)]
    if order_id is not None:
        conditions.append(Payment.order_id == order_id)
    if before_id is not None:
        conditions.append(Payment.id < before_id)
    statement = select(Payment).where(*conditions).order_by(Payment.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()


_DECLINED = select(CoverageAnswer.payment_id, CoverageAnswer.allocation_id).where(
    CoverageAnswer.outcome == AnswerOutcome.DECLINED
)


def _has_allocation(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Allocation.payment_id == Payment.id, *conditions)
