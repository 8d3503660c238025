from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Uuid,
    and_,
    cast,
    column,
    func,
    or_,
    select,
    true,
    union,
)
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

    What a page reads does not depend on how many statements the month has.
    """
    stated = _of_month(month, visible)
    found: list[UUID] = []
    size, has_more = NAMED_A_PAYEE * limit, True
    while has_more and len(found) < limit:
        named = await _list_named(session, stated, after=after, limit=size)
        has_more, after = len(named) == size, named[-1] if named else after
        # The last ones are added up together, those who are paid nothing too: it saves a question.
        found += await _list_payees(session, payables, stated, named) if has_more else named
    chosen = found[:limit] if has_more else found
    return (await _add_up(session, payables, stated, chosen))[:limit] if chosen else []


async def find_total(
    session: AsyncSession,
    payables: Payables,
    visible: ColumnElement[bool],
    *,
    month: Month,
    payee_id: UUID,
) -> PayeeTotal | None:
    """Return what one payee gets for the visible statements of a month."""
    stated = _of_month(month, visible)
    found = await _add_up(session, payables, stated, [payee_id])
    return found[0] if found else None


async def _list_named(
    session: AsyncSession, stated: ColumnElement[bool], *, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Return the next beneficiaries and wadahs of statements, by id.

    stated: which statements.
    """
    # Each part has an end of its own, so that it is read in the order of an index up to there.
    parts = [
        chosen.where(stated, true() if after is None else each > after)
        .order_by(each)
        .limit(limit)
        .subquery()
        for each, chosen in (
            (Statement.beneficiary_id, select(Statement.beneficiary_id.label("id"))),
            (Statement.wadah_id, select(Statement.wadah_id.label("id")).distinct()),
        )
    ]
    named = union(*(select(each.c.id) for each in parts)).order_by("id").limit(limit)
    return (await session.scalars(named)).all()


async def _list_payees(
    session: AsyncSession,
    payables: Payables,
    stated: ColumnElement[bool],
    named: Sequence[UUID],
) -> Sequence[UUID]:
    """Return which of these agents and wadahs are paid for statements, by id."""
    ids = func.unnest(cast(named, ARRAY(Uuid())))
    asked = ids.table_valued(column("id", Uuid()), name="named").render_derived()
    is_own = Statement.beneficiary_id == asked.c.id
    ways = (
        and_(is_own, payables.is_of_wadah),
        and_(is_own, ~payables.is_of_wadah, ~payables.is_paid_to_another),
        and_(Statement.wadah_id == asked.c.id, payables.is_paid_to_another),
    )
    # With OFFSET each is a question about one of them; else the planner may read the whole month.
    is_paid = [
        select(Statement.id).where(stated, way).correlate(asked).offset(0).exists() for way in ways
    ]
    chosen = select(asked.c.id).where(or_(*is_paid)).order_by(asked.c.id)
    return (await session.scalars(chosen)).all()


async def _add_up(
    session: AsyncSession,
    payables: Payables,
    stated: ColumnElement[bool],
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
        .where(stated, payables.is_paid_to(payee_ids))
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
    stated = _of_month(month, visible)
    chosen = select(Statement).where(stated, payables.is_paid_to([payee_id]))
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
