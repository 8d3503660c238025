from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import PAYABLE, is_whole
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


NAMED_A_PAYEE = 8
"""Of so many whom statements name, about one is paid: a wadah often is, for all its agents."""


async def list_totals(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    after: UUID | None,
    limit: int,
) -> Sequence[PayeeTotal]:
    """Return what payees get for the visible statements of a month, by payee.

    Who is paid for a statement takes several questions, so it is asked only of those of the page.
    """
    found: list[PayeeTotal] = []
    while len(found) < limit:
        named = await _list_named(
            session, visible, month=month, after=after, limit=NAMED_A_PAYEE * limit
        )
        if not named:
            break
        found += await _add_up(session, payables, visible, month=month, payee_ids=named)
        after = named[-1]
    return found[:limit]


async def find_total(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    payee_id: UUID,
) -> PayeeTotal | None:
    """Return what one payee gets for the visible statements of a month."""
    found = await _add_up(session, payables, visible, month=month, payee_ids=[payee_id])
    return found[0] if found else None


async def _list_named(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    month: Month,
    after: UUID | None,
    limit: int,
) -> Sequence[UUID]:
    """Return the next beneficiaries and wadahs of a month's statements, by id."""
    named = union(
        *(
            select(each.label("id")).where(_of_month(month, visible))
            for each in (Statement.beneficiary_id, Statement.wadah_id)
        )
    ).subquery("named")
    chosen = select(named.c.id).order_by(named.c.id).limit(limit)
    if after is not None:
        chosen = chosen.where(named.c.id > after)
    return (await session.scalars(chosen)).all()


async def _add_up(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    payee_ids: Collection[UUID],
) -> Sequence[PayeeTotal]:
    rows = (
        select(
            payables.payee_kind.label("kind"),
            payables.payee_id.label("id"),
            Statement.amount,
            PAYABLE.label("payable"),
            payables.held_reason.label("held_reason"),
        )
        .where(_of_month(month, visible), payables.is_paid_to(payee_ids))
        .subquery("rows")
    )
    totals = select(
        rows.c.kind,
        rows.c.id,
        func.count(),
        _sum(rows.c.amount),
        _sum(rows.c.payable),
        _sum(rows.c.payable, rows.c.held_reason.is_not(None)),
    ).group_by(rows.c.kind, rows.c.id)
    found = await session.execute(totals.order_by(rows.c.id))
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
    chosen = select(Statement).where(_of_month(month, visible), payables.is_paid_to([payee_id]))
    if after is not None:
        chosen = chosen.where(Statement.beneficiary_id > after)
    return (await session.scalars(chosen.order_by(Statement.beneficiary_id).limit(limit))).all()


def _of_month(month: Month, visible: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return which statements of a month are shown: none until it has all of them."""
    return and_(Statement.month == month, visible, is_whole())


def _sum(what: Any, condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    summed = func.sum(what)
    chosen = summed if condition is None else summed.filter(condition)
    return cast(func.coalesce(chosen, 0), BigInteger)
