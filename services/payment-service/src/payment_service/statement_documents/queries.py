from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import is_whole
from payment_service.payments.models import Payment
from perisai_kit.domain.month import Month


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A commission line with the payment it comes from. bill_id: with payment: the receipt."""

    line: CommissionLine
    bill_id: UUID | None
    partner_id: UUID
    reference_no: str | None
    paid_at: datetime


async def list_paid_lines(
    session: AsyncSession, beneficiary_id: UUID, month: Month, *, limit: int
) -> list[PaidLine]:
    """Return a beneficiary's lines of a month with their payments, in the order of booking."""
    of_line = (CommissionLine.payment_id, CommissionLine.allocation_id)
    statement = (
        select(
            CommissionLine,
            Allocation.bill_id,
            Payment.partner_id,
            Payment.reference_no,
            Payment.paid_at,
        )
        .join(Payment, Payment.id == of_line[0])
        .join(Allocation, (Allocation.payment_id == of_line[0]) & (Allocation.id == of_line[1]))
        .where(
            CommissionLine.beneficiary_id == beneficiary_id,
            CommissionLine.booked_month == month,
        )
        .order_by(CommissionLine.id)
        .limit(limit)
    )
    return [PaidLine(*row) for row in await session.execute(statement)]


async def list_statements(
    session: AsyncSession, month: Month, *conditions: ColumnElement[bool], limit: int
) -> Sequence[Statement]:
    """Return statements of a month that has all: those of wadahs first, then by beneficiary."""
    statement = (
        select(Statement)
        .where(Statement.month == month, is_whole(), *conditions)
        .order_by(Statement.beneficiary_kind.desc(), Statement.beneficiary_id)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()
