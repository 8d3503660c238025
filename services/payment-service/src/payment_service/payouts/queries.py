from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payouts.models import Payout, PayoutItem, PayoutRemittance
from payment_service.payouts.rules import (
    PayoutStatus,
    StatementPayoutStatus,
    WithdrawalReason,
)
from perisai_kit.db.bulk import any_id


async def lock_payout(session: AsyncSession, payout_id: UUID) -> Payout | None:
    statement = select(Payout).where(Payout.id == payout_id).with_for_update()
    fresh = statement.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).one_or_none()


async def lock_of_run(
    session: AsyncSession, run_id: UUID, payee_ids: Collection[UUID]
) -> Sequence[Payout]:
    """Lock the payouts of a run to these payees that are not withdrawn, by payee and part."""
    chosen = select(Payout).where(
        Payout.run_id == run_id,
        Payout.payee_id == any_id(payee_ids),
        Payout.withdrawn_at.is_(None),
    )
    ordered = chosen.order_by(Payout.payee_id, Payout.part).with_for_update()
    return (await session.scalars(ordered)).all()


async def lock_open_for(
    session: AsyncSession, beneficiary_ids: Collection[UUID]
) -> Sequence[Payout]:
    """Lock payouts for statements of beneficiaries that a bank has not paid, by payee."""
    pays = exists().where(
        PayoutItem.payout_id == Payout.id,
        PayoutItem.is_live,
        PayoutItem.beneficiary_id == any_id(beneficiary_ids),
    )
    return await _lock_open(session, pays)


async def lock_open_to(session: AsyncSession, payee_ids: Collection[UUID]) -> Sequence[Payout]:
    """Lock payouts to these payees that a bank has not paid, by payee."""
    return await _lock_open(session, Payout.payee_id == any_id(payee_ids))


async def _lock_open(session: AsyncSession, condition: ColumnElement[bool]) -> Sequence[Payout]:
    is_over = Payout.status.in_([PayoutStatus.PAID, PayoutStatus.RETURNED])
    chosen = select(Payout).where(condition, Payout.withdrawn_at.is_(None), ~is_over)
    ordered = chosen.order_by(Payout.payee_id, Payout.id).with_for_update()
    fresh = ordered.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).all()


async def count_items(session: AsyncSession, payout_id: UUID) -> int:
    counted = select(func.count()).where(PayoutItem.payout_id == payout_id)
    return (await session.scalars(counted)).one()


async def list_items(session: AsyncSession, payout_id: UUID) -> Sequence[PayoutItem]:
    """Return the items of a payout, the earliest month first."""
    statement = select(PayoutItem).where(PayoutItem.payout_id == payout_id)
    ordered = statement.order_by(PayoutItem.month, PayoutItem.beneficiary_id, PayoutItem.id)
    return (await session.scalars(ordered)).all()


def net_of_items(payout_id: UUID) -> Select[Any]:
    """Return the query of what a payout pays for each item after tax: cause_id, part, amount."""
    columns: list[ColumnElement[Any]] = [
        PayoutItem.id.label("cause_id"),
        cast(PayoutItem.beneficiary_id, Text).label("part"),
        (PayoutItem.gross - PayoutItem.tax).label("amount"),
    ]
    # An item of a few rupiah may be tax altogether.
    return select(*columns).where(
        PayoutItem.payout_id == payout_id, PayoutItem.gross > PayoutItem.tax
    )


def parts_of_agents(payout_id: UUID) -> Select[Any]:
    """Return the query of what a payout to a wadah pays for each agent, as other services read it.

    An agent whose part is tax altogether is left out.
    """
    columns: list[ColumnElement[Any]] = [
        Payout.id.label("payout_id"),
        PayoutItem.beneficiary_id.label("agent_id"),
        Payout.payee_id.label("wadah_id"),
        *sums_of_part(),
    ]
    return (
        select(*columns)
        .join(PayoutItem, PayoutItem.payout_id == Payout.id)
        .where(Payout.id == payout_id, pays_agent())
        .group_by(Payout.id, PayoutItem.beneficiary_id)
        .order_by(PayoutItem.beneficiary_id)
    )


def pays_agent() -> ColumnElement[bool]:
    """Return whether an item pays an agent: `ix_payout_items_agents` has these items."""
    is_agent = PayoutItem.beneficiary_kind == BeneficiaryKind.AGENT
    return and_(is_agent, PayoutItem.gross > PayoutItem.tax)


def sums_of_part() -> tuple[ColumnElement[Any], ColumnElement[int]]:
    """Return the last month and the rupiah after tax of the items that pay an agent."""
    amount = cast(func.sum(PayoutItem.gross - PayoutItem.tax), BigInteger)
    return func.max(PayoutItem.month).label("month"), amount.label("amount")


async def free_items(session: AsyncSession, payout_ids: Collection[UUID]) -> None:
    """Let the statements and taxes of payouts be paid by others."""
    await session.execute(
        update(PayoutItem)
        .where(PayoutItem.payout_id == any_id(payout_ids), PayoutItem.is_live)
        .values(is_live=False)
    )
    await close_remittances(session, payout_ids)


async def close_remittances(session: AsyncSession, payout_ids: Collection[UUID]) -> None:
    await session.execute(
        update(PayoutRemittance)
        .where(PayoutRemittance.payout_id == any_id(payout_ids), PayoutRemittance.is_open)
        .values(is_open=False)
    )


async def withdraw(
    session: AsyncSession,
    payout_ids: Collection[UUID],
    *,
    reason: WithdrawalReason,
    by: UUID | None,
    at: datetime,
) -> None:
    """Withdraw payouts that were not sent, or that failed."""
    await session.execute(
        update(Payout)
        .where(Payout.id == any_id(payout_ids), Payout.withdrawn_at.is_(None))
        .values(withdrawn_at=at, withdrawn_reason=reason, withdrawn_by=by)
    )
    await free_items(session, payout_ids)


async def list_open_remittances(session: AsyncSession, run_id: UUID) -> Sequence[PayoutRemittance]:
    """Return the taxes that a run is to pass on and that were not paid or withdrawn."""
    statement = (
        select(PayoutRemittance)
        .join(Payout, Payout.id == PayoutRemittance.payout_id)
        .where(Payout.run_id == run_id, PayoutRemittance.is_open)
    )
    return (await session.scalars(statement)).all()


async def find_remittance(session: AsyncSession, payout_id: UUID) -> PayoutRemittance:
    statement = select(PayoutRemittance).where(PayoutRemittance.payout_id == payout_id)
    return (await session.scalars(statement)).one()


def is_live(statement_id: Any) -> ColumnElement[bool]:
    """Return whether a statement is in a payout that is not over, or was paid."""
    return exists().where(PayoutItem.statement_id == statement_id, PayoutItem.is_live)


def live_set_off(statement_id: Any) -> ColumnElement[int]:
    """Return what a payout that is not over deducts from a statement for a debt, in rupiah."""
    set_off = select(func.sum(PayoutItem.set_off)).where(
        PayoutItem.statement_id == statement_id, PayoutItem.is_live
    )
    return cast(func.coalesce(set_off.scalar_subquery(), 0), BigInteger)


def is_paid(statement_id: Any) -> ColumnElement[bool]:
    """Return whether a bank has paid a statement, and the money did not come back."""
    return exists().where(
        PayoutItem.statement_id == statement_id,
        PayoutItem.is_live,
        Payout.id == PayoutItem.payout_id,
        Payout.status == PayoutStatus.PAID,
    )


def is_sent(statement_id: Any) -> ColumnElement[bool]:
    """Return whether a statement was sent to a bank, and the money did not come back."""
    sent = (PayoutStatus.SENT, PayoutStatus.UNKNOWN, PayoutStatus.PAID)
    return exists().where(
        PayoutItem.statement_id == statement_id,
        PayoutItem.is_live,
        Payout.id == PayoutItem.payout_id,
        Payout.status.in_(sent),
    )


def was_returned(statement_id: Any) -> ColumnElement[bool]:
    """Return whether a bank ever gave the money for a statement back."""
    return exists().where(
        PayoutItem.statement_id == statement_id,
        Payout.id == PayoutItem.payout_id,
        Payout.status == PayoutStatus.RETURNED,
    )


def was_freed(statement_id: Any) -> ColumnElement[bool]:
    """Return whether a payout ended without paying a statement: returned, withdrawn, given up."""
    return exists().where(PayoutItem.statement_id == statement_id, ~PayoutItem.is_live)


def status_of_statement(statement_id: Any) -> ColumnElement[str]:
    """Return what has become of a statement: `StatementPayoutStatus` in SQL."""
    of_statement = PayoutItem.statement_id == statement_id
    joined = select(Payout.status).join(PayoutItem, PayoutItem.payout_id == Payout.id)
    live = joined.where(of_statement, PayoutItem.is_live).limit(1).scalar_subquery()
    values = {each: literal(each.value, Text()) for each in StatementPayoutStatus}
    return case(
        (live == PayoutStatus.PAID, values[StatementPayoutStatus.PAID]),
        (live.is_not(None), values[StatementPayoutStatus.IN_PAYMENT]),
        (was_returned(statement_id), values[StatementPayoutStatus.RETURNED]),
        else_=values[StatementPayoutStatus.UNPAID],
    )


async def find_deductions(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Return what payouts deduct for a debt, in rupiah, by statement; of those with any."""
    chosen = select(PayoutItem.statement_id, PayoutItem.set_off).where(
        PayoutItem.statement_id == any_id(statement_ids),
        PayoutItem.is_live,
        PayoutItem.set_off > 0,
    )
    return {row.statement_id: row.set_off for row in await session.execute(chosen)}


async def find_statement_statuses(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, StatementPayoutStatus]:
    """Return what has become of statements that were ever in a payout, by statement."""
    ids = (
        select(PayoutItem.statement_id)
        .where(PayoutItem.statement_id == any_id(statement_ids))
        .distinct()
        .subquery("ids")
    )
    rows = await session.execute(
        select(ids.c.statement_id, status_of_statement(ids.c.statement_id))
    )
    return {id_: StatementPayoutStatus(status) for id_, status in rows}
