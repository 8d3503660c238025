from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    exists,
    func,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.allocations.models import Allocation
from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AnswerOutcome
from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.crowds import measure
from payment_service.payments.models import Payment
from payment_service.payments.rules import NewBank, PaymentFilter, Settlement
from payment_service.visibility import Sight
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
    sight: Sight,
    asked: PaymentFilter,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Payment]:
    """Return payments of which an allocation is of these members, the latest first.

    before: `paid_at` and id of the last payment of the page before.
    """
    own = _match_payment(asked, before)
    crowd = await measure(session, sight)
    if asked.is_of_few or crowd.is_sparse:
        statement = select(Payment).where(*own)
        allocations = _match_allocation(asked)
        if not sight.is_everyone:
            allocations.append(Allocation.member_id.in_(sight.members()))
        if allocations:
            paid_for = select(Allocation.payment_id).where(*allocations)
            statement = statement.where(Payment.id.in_(paid_for))
        statement = statement.order_by(Payment.paid_at.desc(), Payment.id.desc()).limit(limit)
        return (await session.scalars(statement)).all()
    paid_for = select(Allocation.id).where(
        Allocation.payment_id == Payment.id, crowd.has(Allocation.member_id)
    )
    if not sight.is_everyone:
        own.append(paid_for.offset(0).exists())
    partners = [asked.partner_id] if asked.partner_id else await _list_partners(session)
    return await _list_latest(session, own, partners, limit)


async def _list_partners(session: AsyncSession) -> Sequence[UUID]:
    return (await session.scalars(select(BankPartner.id).order_by(BankPartner.id))).all()


async def _list_latest(
    session: AsyncSession,
    conditions: Sequence[ColumnElement[bool]],
    partners: Sequence[UUID],
    limit: int,
) -> Sequence[Payment]:
    """Return the latest payments: those of the banks in turn, each by its index.

    PostgreSQL merges them, so that no more is read of all banks than of one for a page.
    """
    if not partners:
        return []
    parts = [select(Payment).where(Payment.partner_id == each, *conditions) for each in partners]
    found = aliased(Payment, union_all(*parts).subquery("found"))
    latest = select(found).order_by(found.paid_at.desc(), found.id.desc()).limit(limit)
    return (await session.scalars(latest)).all()


def _match_payment(
    asked: PaymentFilter, before: tuple[datetime, UUID] | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (Payment.partner_id, asked.partner_id),
            (Payment.order_id, asked.order_id),
            (Payment.amount, asked.amount),
            (Payment.reference_no, asked.reference_no),
        )
        if value is not None
    ]
    if asked.days.first is not None:
        conditions.append(Payment.paid_at >= asked.days.begin)
    if asked.days.last is not None:
        conditions.append(Payment.paid_at < asked.days.end)
    if before is not None:
        conditions.append(tuple_(Payment.paid_at, Payment.id) < before)
    return conditions


def _match_allocation(asked: PaymentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.member_id is not None:
        conditions.append(Allocation.member_id == asked.member_id)
    if asked.bill_id is not None:
        # By its member, for whom there is an index.
        member = select(Bill.member_id).where(Bill.id == asked.bill_id).scalar_subquery()
        conditions += [Allocation.member_id == member, Allocation.bill_id == asked.bill_id]
    if asked.is_declined:
        conditions.append(tuple_(Allocation.payment_id, Allocation.id).in_(_DECLINED))
    return conditions


_DECLINED = select(CoverageAnswer.payment_id, CoverageAnswer.allocation_id).where(
    CoverageAnswer.outcome == AnswerOutcome.DECLINED
)


def _has_allocation(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Allocation.payment_id == Payment.id, *conditions)


async def list_new_banks(
    session: AsyncSession, *, since: datetime, booked_since: UUID
) -> Sequence[NewBank]:
    """Return the partners whose first payment was received at `since` or later.

    booked_since: the lowest id of the payments that are counted; ids grow with time.
    The payment with the earliest `paid_at` stands for the first one, because an index finds it. It
    was not received before the first one, so a bank can look newer than it is, and never older.
    """
    first = (
        select(Payment.received_at.label("received_at"))
        .where(Payment.partner_id == BankPartner.id)
        .order_by(Payment.paid_at, Payment.id)
        .limit(1)
        .lateral("first")
    )
    counted = (
        select(func.count())
        .select_from(Payment)
        .where(Payment.partner_id == BankPartner.id, Payment.id >= booked_since)
        .scalar_subquery()
    )
    statement = (
        select(BankPartner.id, first.c.received_at, counted)
        .join(first, true())
        .where(first.c.received_at >= since)
        .order_by(BankPartner.id)
    )
    return [NewBank(*row) for row in await session.execute(statement)]
