from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import PAYABLE
from payment_service.payees.queries import Payables
from payment_service.payees.rules import PayeeKind
from perisai_kit.domain.month import Month


@dataclass(frozen=True, slots=True)
class PayeeTotal:
    """What one payee gets of a month, in rupiah. held: the part of `payable` that is held."""

    kind: PayeeKind
    id: UUID
    statement_count: int
    amount: int
    payable: int
    held: int


async def list_totals(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    payee_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> Sequence[PayeeTotal]:
    """Return what payees get for the visible statements of a month, by payee."""
    chosen = select(
        payables.payee_kind.label("kind"),
        payables.payee_id.label("id"),
        Statement.amount,
        PAYABLE.label("payable"),
        payables.held_reason.label("held_reason"),
    ).where(Statement.month == month, visible)
    if payee_id is not None:
        chosen = chosen.where(payables.is_paid_to(payee_id))
    rows = chosen.subquery("rows")
    totals = select(
        rows.c.kind,
        rows.c.id,
        func.count(),
        _sum(rows.c.amount),
        _sum(rows.c.payable),
        _sum(rows.c.payable, rows.c.held_reason.is_not(None)),
    ).group_by(rows.c.kind, rows.c.id)
    if after is not None:
        totals = totals.where(rows.c.id > after)
    found = await session.execute(totals.order_by(rows.c.id).limit(limit))
    return [
        PayeeTotal(PayeeKind(kind), id_, count, amount, payable, held)
        for kind, id_, count, amount, payable, held in found
    ]


async def list_statements(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    payee_id: UUID,
    after: UUID | None,
    limit: int,
) -> Sequence[Statement]:
    """Return the visible statements of a month that a payee is paid for, by beneficiary."""
    chosen = select(Statement).where(
        Statement.month == month, visible, payables.is_paid_to(payee_id)
    )
    if after is not None:
        chosen = chosen.where(Statement.beneficiary_id > after)
    return (await session.scalars(chosen.order_by(Statement.beneficiary_id).limit(limit))).all()


def _sum(what: Any, condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    summed = func.sum(what)
    chosen = summed if condition is None else summed.filter(condition)
    return cast(func.coalesce(chosen, 0), BigInteger)
