from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.days import Days
from payment_service.orders.models import Order
from payment_service.refused_payments.rules import AWAITING, AskedBill, RefusedStatus
from perisai_kit.db.bulk import any_id


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused payment with its bank. expected: rupiah of the order, if we know it."""

    callback: Callback
    partner_name: str
    expected: int | None


# What is shown; the message itself is not read.
_SHOWN = load_only(
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
        select(Callback, BankPartner.name, Order.amount)
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
    return [Refused(callback, name, expected) for callback, name, expected in rows]


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
        Callback.verdict == CallbackOutcome.REFUSED,
        Callback.content_hash.is_not(None),  # a payment, and no inquiry
        Callback.received_at >= days.begin,
        Callback.received_at < days.end,
    )


def _is_open() -> ColumnElement[bool]:
    """Return the rule `find_status` as a condition on a refused payment."""
    awaits = and_(Bill.order_id == Callback.order_id, Bill.status.in_(AWAITING), ~_has_newer())
    return exists().where(awaits)


def _has_newer() -> ColumnElement[bool]:
    newer = aliased(Bill)
    return exists().where(newer.member_id == Bill.member_id, newer.id > Bill.id)
