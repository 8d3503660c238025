from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AnswerOutcome
from payment_service.payments.models import Payment
from payment_service.payments.rules import Settlement
from perisai_kit.db.sql import CountedStatement
from perisai_kit.domain.jakarta import jakarta_date

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
        id, partner_id, payment_request_id, bill_id, amount, trx_date_time, received_at,
        paid_at, channel_code, reference_no, member_id, first_month, month_count
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::timestamptz[],
        $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], $11::uuid[],
        $12::text[], $13::bigint[]
    ) AS settled (
        id, partner_id, payment_request_id, bill_id, amount, trx_date_time, received_at,
        paid_at, channel_code, reference_no, member_id, first_month, month_count
    )
    RETURNING id
"""


# From the lines as the database has them: sending their texts costs more than making them there.
_RECEIVED = """
    SELECT cause_id, partner_id AS debit_part, programme || ':' || month AS credit_part, amount,
           business_on
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[])
        AS settled (cause_id, partner_id, bill_id, business_on)
    JOIN bill_lines USING (bill_id)
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
    notice, bill = settlement.notice, settlement.bill
    return (
        settlement.payment_id,
        notice.partner_id,
        notice.payment_request_id,
        bill.id,
        notice.amount,
        notice.trx_date_time,
        notice.received_at,
        notice.paid_at,
        notice.channel_code,
        notice.reference_no,
        bill.member_id,
        str(bill.first_month),
        bill.month_count,
    )


def received_amounts(settlements: Sequence[Settlement]) -> CountedStatement:
    """Return the amounts that these payments move, for the ledger: one a programme and month."""
    columns = (
        [each.payment_id for each in settlements],
        [each.notice.partner_id for each in settlements],
        [each.bill.id for each in settlements],
        [jakarta_date(each.notice.paid_at) for each in settlements],
    )
    return CountedStatement(
        _RECEIVED, columns, count=sum(len(each.bill.lines) for each in settlements)
    )


async def find_payment(
    session: AsyncSession, payment_id: UUID, visible: ColumnElement[bool]
) -> Payment | None:
    statement = select(Payment).where(Payment.id == payment_id, visible)
    return (await session.scalars(statement)).one_or_none()


async def list_payments(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    member_id: UUID | None,
    bill_id: UUID | None,
    is_declined: bool,
    before_id: UUID | None,
    limit: int,
) -> Sequence[tuple[Payment, CoverageAnswer | None]]:
    """Return payments with their answers, the latest first; is_declined: only declined ones."""
    conditions = [visible]
    if member_id is not None:
        conditions.append(Payment.member_id == member_id)
    if bill_id is not None:
        conditions.append(Payment.bill_id == bill_id)
    if before_id is not None:
        conditions.append(Payment.id < before_id)
    if is_declined:
        conditions.append(CoverageAnswer.outcome == AnswerOutcome.DECLINED)
    statement = _answered(is_outer=not is_declined).where(*conditions)
    rows = await session.execute(statement.order_by(Payment.id.desc()).limit(limit))
    return [(payment, answer) for payment, answer in rows]


async def find_answered(
    session: AsyncSession, payment_id: UUID, visible: ColumnElement[bool]
) -> tuple[Payment, CoverageAnswer | None] | None:
    """Return a payment with its answer, if there is one yet."""
    statement = _answered(is_outer=True).where(Payment.id == payment_id, visible)
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1]) if row else None


def _answered(*, is_outer: bool) -> Select[Payment, CoverageAnswer]:
    return select(Payment, CoverageAnswer).join(
        CoverageAnswer, CoverageAnswer.payment_id == Payment.id, isouter=is_outer
    )
