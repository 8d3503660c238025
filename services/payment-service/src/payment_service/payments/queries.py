from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payments.models import Payment


async def insert_once_payment(session: AsyncSession, payment: Payment) -> bool:
    """Insert a payment; tell whether it is new, by its request and by its bill."""
    values = {
        column.key: getattr(payment, column.key) for column in Payment.__mapper__.column_attrs
    }
    statement = insert(Payment).values(values).on_conflict_do_nothing().returning(Payment.id)
    return (await session.scalars(statement)).one_or_none() is not None


async def find_payment_by_request(
    session: AsyncSession, *, partner_id: UUID, payment_request_id: str
) -> Payment | None:
    statement = select(Payment).where(
        Payment.partner_id == partner_id, Payment.payment_request_id == payment_request_id
    )
    return (await session.scalars(statement)).one_or_none()


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
    before_id: UUID | None,
    limit: int,
) -> Sequence[Payment]:
    """Return payments, the latest first."""
    conditions = [visible]
    if member_id is not None:
        conditions.append(Payment.member_id == member_id)
    if bill_id is not None:
        conditions.append(Payment.bill_id == bill_id)
    if before_id is not None:
        conditions.append(Payment.id < before_id)
    statement = select(Payment).where(*conditions).order_by(Payment.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()
