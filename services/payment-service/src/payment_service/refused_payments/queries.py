from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import AllocationKind
from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import NOT_TAKEN
from payment_service.days import Days
from payment_service.orders.models import Order
from payment_service.payments.models import Payment, PaymentRequest
from payment_service.refused_payments.rules import AWAITING, AskedBill, RefusedStatus
from perisai_kit.db.bulk import any_id
from snap_bi.codes import Service


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused payment with its bank. expected: rupiah of the order, if we know it.

    is_held, is_settled: as in `rules.find_status`.
    """

    callback: Callback
    partner_name: str
    is_held: bool
    is_settled: bool
    expected: int | None


UNREADABLE = "4002500"
"""The answer to a message whose body could not be read, so that nothing is known of it."""

# What is shown; of the message itself only its ids.
_SHOWN = load_only(
    Callback.body.column,  # type: ignore[arg-type]  # what is mapped, see Sealed
    Callback.id,
    Callback.partner_id,
    Callback.received_at,
    Callback.request_id,
    Callback.response_code,
    Callback.offered_amount,
    Callback.order_id,
)


async def list_refused(
    session: AsyncSession,
    days: Days,
    *,
    partner_id: UUID | None,
    status: RefusedStatus | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Refused]:
    """Return payments that were refused in these days, the latest first."""
    statement = (
        select(
            Callback,
            BankPartner.name,
            _is_held().label("is_held"),
            _is_settled().label("is_settled"),
            Order.amount,
        )
        .options(_SHOWN)
        .join(BankPartner, BankPartner.id == Callback.partner_id)
        .outerjoin(Order, Order.id == Callback.order_id)
        .where(*_match_days(days))
    )
    if partner_id is not None:
        statement = statement.where(Callback.partner_id == partner_id)
    if status is not None:
        is_open = _is_open()
        statement = statement.where(is_open if status is RefusedStatus.OPEN else ~is_open)
    if before is not None:
        statement = statement.where(tuple_(Callback.received_at, Callback.id) < before)
    latest = statement.order_by(Callback.received_at.desc(), Callback.id.desc()).limit(limit)
    rows = await session.execute(latest)
    return [Refused(*row) for row in rows]


async def count_open(session: AsyncSession, days: Days) -> int:
    """Count the open ones among the payments that were refused in these days."""
    counted: Select[int] = (
        select(func.count()).select_from(Callback).where(*_match_days(days), _is_open())
    )
    return await session.scalar(counted) or 0


async def list_bills(
    session: AsyncSession, order_ids: Collection[UUID]
) -> list[tuple[Bill, AskedBill]]:
    """Return the bills of these orders, each as the rule asks for it, by id."""
    statement = (
        select(Bill, _has_newer().label("has_newer"))
        .where(Bill.order_id == any_id(order_ids))
        .order_by(Bill.id)
    )
    rows = await session.execute(statement)
    return [(bill, AskedBill(bill.status, has_newer)) for bill, has_newer in rows]


def _match_days(days: Days) -> tuple[ColumnElement[bool], ...]:
    return (
        Callback.service == Service.PAYMENT.value,
        Callback.verdict.in_(NOT_TAKEN),
        Callback.response_code != UNREADABLE,
        Callback.received_at >= days.begin,
        Callback.received_at < days.end,
    )


def _is_open() -> ColumnElement[bool]:
    """Return the rule `find_status` as a condition on a refused payment."""
    awaits = and_(Bill.order_id == Callback.order_id, Bill.status.in_(AWAITING), ~_has_newer())
    return case((_is_held(), ~_is_settled()), else_=exists().where(awaits))


def _is_held() -> ColumnElement[bool]:
    # An amount that could not be read may be any.
    keeping = select(BankPartner.id).where(BankPartner.keeps_refused_money)
    return and_(Callback.partner_id.in_(keeping), func.coalesce(Callback.offered_amount, 1) > 0)


def _is_settled() -> ColumnElement[bool]:
    """Return whether a later payment has the request id of a refused one, or paid its order.

    Ids grow with time. A payment that was kept whole in suspense has not paid its order.
    """
    same_request = exists().where(
        PaymentRequest.partner_id == Callback.partner_id,
        PaymentRequest.request_id == Callback.request_id,
        PaymentRequest.callback_id > Callback.id,
    )
    order_paid = exists().where(
        Payment.order_id == Callback.order_id,
        Payment.id > Callback.id,
        Allocation.payment_id == Payment.id,
        Allocation.kind == AllocationKind.BILL,
    )
    return or_(same_request, order_paid)


def _has_newer() -> ColumnElement[bool]:
    newer = aliased(Bill)
    return exists().where(newer.member_id == Bill.member_id, newer.id > Bill.id)
