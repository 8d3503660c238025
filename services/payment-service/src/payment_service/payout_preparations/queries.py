from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.incentive_holds import queries as holds
from payment_service.incentive_statements import queries as statements
from payment_service.incentive_statements.models import Statement
from payment_service.payees.queries import Payables
from payment_service.payees.rules import PayeeHold
from payment_service.payout_runs.models import RunEntry, RunOmission
from payment_service.payout_runs.rules import OmissionReason
from payment_service.payouts import queries as payouts
from payment_service.payouts.models import Payout, PayoutItem
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month
from perisai_kit.privacy.columns import seal_values


async def insert_entries(
    session: AsyncSession,
    run_id: UUID,
    through: Month,
    payables: Payables,
    *,
    unproven: Collection[Month],
) -> None:
    """Choose the statements a run may pay: owed, free, with an account, in no other payout.

    unproven: months that are not paid.
    """
    chosen = _owed(through, payables).where(_is_payable(payables), ~_rests_on(unproven))
    each = chosen.subquery("owed")
    names = ("payee_kind", "payee_id", "statement_id", "beneficiary_kind", "beneficiary_id")
    columns = [literal(run_id), *(each.c[name] for name in (*names, "month", "gross"))]
    await session.execute(
        insert(RunEntry).from_select(["run_id", *names, "month", "gross"], select(*columns))
    )


async def insert_held_omissions(
    session: AsyncSession,
    run_id: UUID,
    through: Month,
    payables: Payables,
    *,
    unproven: Collection[Month],
) -> None:
    """Keep what is owed to payees but held, has no account to go to, or is of an unproven month."""
    no_account = payables.held_reason == PayeeHold.NO_ACCOUNT.value
    reason = case(
        (payables.held_reason.is_(None), literal(OmissionReason.MONTH_UNPROVEN.value, Text())),
        (no_account, literal(OmissionReason.NO_ACCOUNT.value, Text())),
        else_=literal(OmissionReason.HELD.value, Text()),
    )
    chosen = _owed(through, payables).add_columns(reason.label("reason"))
    # What was forfeited is owed no more.
    is_held = and_(payables.held_reason.is_not(None), no_account | holds.is_held(Statement.id))
    chosen = chosen.where(is_held | and_(_is_payable(payables), _rests_on(unproven)))
    each = chosen.subquery("owed")
    summed = select(
        literal(run_id),
        each.c.payee_id,
        each.c.reason,
        each.c.payee_kind,
        func.count(),
        cast(func.sum(each.c.gross), BigInteger),
    ).group_by(each.c.payee_id, each.c.reason, each.c.payee_kind)
    columns = ["run_id", "payee_id", "reason", "payee_kind", "statement_count", "gross"]
    await session.execute(insert(RunOmission).from_select(columns, summed))


def _rests_on(unproven: Collection[Month]) -> ColumnElement[bool]:
    """Return whether a statement is of one of these months, or free of a debt by their amounts."""
    later = aliased(Statement)
    makes_up = exists().where(
        later.beneficiary_id == Statement.beneficiary_id,
        later.month.in_(unproven),
        later.brought_debt > 0,
    )
    return or_(Statement.month.in_(unproven), makes_up)


def _is_payable(payables: Payables) -> ColumnElement[bool]:
    return and_(holds.is_free(Statement.id), payables.held_reason.is_(None))


def _owed(through: Month, payables: Payables) -> Any:
    """Return the query of statements of closed months that owe something and are in no payout."""
    return select(
        payables.payee_kind.label("payee_kind"),
        payables.payee_id.label("payee_id"),
        Statement.id.label("statement_id"),
        Statement.beneficiary_kind,
        Statement.beneficiary_id,
        Statement.month,
        statements.PAYABLE.label("gross"),
    ).where(
        Statement.month <= through,
        Statement.amount > Statement.brought_debt,
        statements.is_whole(),
        ~payouts.is_live(Statement.id),
    )


async def list_next_payees(
    session: AsyncSession, run_id: UUID, *, after_id: UUID | None, limit: int
) -> Sequence[UUID]:
    """Return the next payees of a run, by id."""
    chosen = select(RunEntry.payee_id).where(RunEntry.run_id == run_id).distinct()
    if after_id is not None:
        chosen = chosen.where(RunEntry.payee_id > after_id)
    return (await session.scalars(chosen.order_by(RunEntry.payee_id).limit(limit))).all()


async def list_entries(
    session: AsyncSession, run_id: UUID, payee_ids: Sequence[UUID]
) -> dict[UUID, list[RunEntry]]:
    """Return what a run is about to pay to these payees, by payee and then by beneficiary."""
    chosen = (
        select(RunEntry)
        .where(RunEntry.run_id == run_id, RunEntry.payee_id == any_id(payee_ids))
        .order_by(RunEntry.payee_id, RunEntry.beneficiary_id, RunEntry.month)
    )
    found: dict[UUID, list[RunEntry]] = defaultdict(list)
    for each in await session.scalars(chosen):
        found[each.payee_id].append(each)
    return found


async def delete_taken(session: AsyncSession, run_id: UUID, payee_ids: Sequence[UUID]) -> None:
    """Drop the entries whose statements another run has taken meanwhile."""
    await session.execute(
        delete(RunEntry)
        .where(
            RunEntry.run_id == run_id,
            RunEntry.payee_id == any_id(payee_ids),
            payouts.is_live(RunEntry.statement_id),
        )
        .execution_options(synchronize_session=False)
    )


async def count_payouts(session: AsyncSession, run_id: UUID) -> int:
    counted = select(func.count()).where(Payout.run_id == run_id)
    return (await session.scalars(counted)).one()


async def insert_once_payouts(
    session: AsyncSession,
    payouts_rows: Sequence[Mapping[str, Any]],
    items: Sequence[Mapping[str, Any]],
) -> bool:
    """Insert payouts and their items; return whether every statement was free.

    It waits for another transaction that takes the same statements.
    """
    for row in payouts_rows:
        await session.execute(insert(Payout).values(seal_values(Payout, row)))
    new = insert_rows_statement(PayoutItem, items).on_conflict_do_nothing()
    inserted = await session.scalars(new.returning(PayoutItem.id))
    return len(inserted.all()) == len(items)


async def insert_omissions(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(insert_rows_statement(RunOmission, rows))
