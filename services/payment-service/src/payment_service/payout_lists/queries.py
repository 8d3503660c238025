from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutPayee, PayoutStatus
from perisai_kit.db.bulk import any_id
from perisai_kit.domain.month import Month


async def find_payout(session: AsyncSession, payout_id: UUID) -> Payout | None:
    statement = select(Payout).where(Payout.id == payout_id)
    return (
        await session.scalars(statement.execution_options(populate_existing=True))
    ).one_or_none()


async def list_payouts(
    session: AsyncSession,
    *conditions: ColumnElement[bool],
    run_id: UUID | None = None,
    status: PayoutStatus | None = None,
    payee_id: UUID | None = None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[Payout]:
    """Return payouts, the latest first."""
    wanted = list(conditions)
    if run_id is not None:
        wanted.append(Payout.run_id == run_id)
    if status is not None:
        wanted.append(Payout.status == status)
    if payee_id is not None:
        wanted.append(Payout.payee_id == payee_id)
    if before_id is not None:
        wanted.append(Payout.id < before_id)
    statement = select(Payout).where(*wanted).order_by(Payout.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()


def of_payee(payee_id: UUID) -> ColumnElement[bool]:
    """Return the condition of payouts that this agent or wadah was paid, or is about to be."""
    return and_(Payout.payee_id == payee_id, Payout.payee_kind != PayoutPayee.TREASURY)


def for_beneficiary(beneficiary_id: UUID) -> ColumnElement[bool]:
    """Return the condition of payouts that pay for statements of this agent or wadah."""
    paid_for = select(PayoutItem.payout_id).where(PayoutItem.beneficiary_id == beneficiary_id)
    return or_(of_payee(beneficiary_id), Payout.id.in_(paid_for))


@dataclass(frozen=True, slots=True)
class PartSum:
    """What a payout pays for one agent: the last month, statements, and rupiah.

    set_off: deducted for a debt; not in the gross.
    """

    agent_id: UUID
    month: Month
    statement_count: int
    set_off: int
    gross: int
    tax: int


async def list_parts(
    session: AsyncSession, payout_id: UUID, *, after_id: UUID | None, limit: int
) -> list[PartSum]:
    """Return the parts of agents in a payout, by agent."""
    conditions = [
        PayoutItem.payout_id == payout_id,
        PayoutItem.beneficiary_kind == BeneficiaryKind.AGENT,
    ]
    if after_id is not None:
        conditions.append(PayoutItem.beneficiary_id > after_id)
    summed = (
        select(
            PayoutItem.beneficiary_id,
            func.max(PayoutItem.month),
            func.count(),
            cast(func.sum(PayoutItem.set_off), BigInteger),
            cast(func.sum(PayoutItem.gross), BigInteger),
            cast(func.sum(PayoutItem.tax), BigInteger),
        )
        .where(*conditions)
        .group_by(PayoutItem.beneficiary_id)
        .order_by(PayoutItem.beneficiary_id)
        .limit(limit)
    )
    return [PartSum(*row) for row in await session.execute(summed)]


@dataclass(frozen=True, slots=True)
class ItemSum:
    """Statements that a payout pays, in rupiah. set_off: deducted for debts; not in the gross."""

    statement_count: int
    set_off: int
    gross: int
    tax: int


async def sum_items(
    session: AsyncSession, payout_ids: Collection[UUID], *, beneficiary_id: UUID | None
) -> dict[UUID, ItemSum]:
    """Return what payouts pay, by payout; for one beneficiary, or for all."""
    columns = (PayoutItem.set_off, PayoutItem.gross, PayoutItem.tax)
    summed = (
        select(
            PayoutItem.payout_id,
            func.count(),
            *(cast(func.sum(each), BigInteger) for each in columns),
        )
        .where(PayoutItem.payout_id == any_id(payout_ids))
        .group_by(PayoutItem.payout_id)
    )
    if beneficiary_id is not None:
        summed = summed.where(PayoutItem.beneficiary_id == beneficiary_id)
    return {id_: ItemSum(*sums) for id_, *sums in await session.execute(summed)}
