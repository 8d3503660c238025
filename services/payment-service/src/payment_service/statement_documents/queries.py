from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.commissions.models import CommissionLine
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import is_whole
from payment_service.payments.models import Payment
from payment_service.statement_documents.rules import LineGroup
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
    paid = (Payment.partner_id, Payment.reference_no, Payment.paid_at)
    columns = (CommissionLine, Allocation.bill_id, *paid)
    statement = _select_paid(beneficiary_id, month, *columns)
    statement = statement.order_by(CommissionLine.id).limit(limit)
    return [PaidLine(*row) for row in await session.execute(statement)]


async def sum_paid_lines(
    session: AsyncSession, beneficiary_id: UUID, month: Month, *, kind: BeneficiaryKind
) -> list[LineGroup]:
    """Add up the lines that `list_paid_lines` returns: a wadah's by agent, in their order."""
    line = CommissionLine
    keys: tuple[Any, ...]
    match kind:
        case BeneficiaryKind.WADAH:
            keys = (line.agent_id, line.rule)
        case BeneficiaryKind.AGENT:
            keys = (line.rule, line.cause, line.reason, line.contribution_month)
    sums = (
        func.count().label("line_count"),
        cast(func.sum(line.base), BigInteger).label("base"),
        cast(func.sum(line.parts), BigInteger).label("parts"),
    )
    statement = _select_paid(beneficiary_id, month, *keys, *sums)
    found = await session.execute(statement.group_by(*keys).order_by(*keys))
    return [LineGroup(**row) for row in found.mappings()]


def _select_paid(beneficiary_id: UUID, month: Month, *columns: Any) -> Select[Any]:
    """Choose of a beneficiary's lines of a month that come from a payment."""
    of_line = (CommissionLine.payment_id, CommissionLine.allocation_id)
    return (
        select(*columns)
        .select_from(CommissionLine)
        .join(Payment, Payment.id == of_line[0])
        .join(Allocation, (Allocation.payment_id == of_line[0]) & (Allocation.id == of_line[1]))
        .where(
            CommissionLine.beneficiary_id == beneficiary_id,
            CommissionLine.booked_month == month,
        )
    )


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
