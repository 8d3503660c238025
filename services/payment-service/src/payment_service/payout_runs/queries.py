from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, cast, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_runs.models import PayoutRun, RunEntry, RunOmission
from payment_service.payout_runs.rules import OmissionReason, RunStatus
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutStatus, WithdrawalReason
from perisai_kit.domain.month import Month


async def find_run(session: AsyncSession, run_id: UUID) -> PayoutRun | None:
    return await session.get(PayoutRun, run_id)


async def lock_run(session: AsyncSession, run_id: UUID) -> PayoutRun | None:
    statement = select(PayoutRun).where(PayoutRun.id == run_id).with_for_update()
    fresh = statement.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).one_or_none()


async def has_any(session: AsyncSession, status: RunStatus) -> bool:
    """Tell whether a run has this status."""
    return bool(await session.scalar(select(exists().where(PayoutRun.status == status))))


async def list_ids(session: AsyncSession, *statuses: RunStatus) -> Sequence[UUID]:
    """Return the runs that wait for the worker, the first one first."""
    chosen = select(PayoutRun.id).where(PayoutRun.status.in_(statuses)).order_by(PayoutRun.id)
    return (await session.scalars(chosen)).all()


async def list_runs(
    session: AsyncSession,
    *,
    status: RunStatus | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[PayoutRun]:
    """Return runs, the latest first."""
    chosen = select(PayoutRun).order_by(PayoutRun.id.desc()).limit(limit)
    if status is not None:
        chosen = chosen.where(PayoutRun.status == status)
    if before_id is not None:
        chosen = chosen.where(PayoutRun.id < before_id)
    return (await session.scalars(chosen)).all()


async def list_omissions(
    session: AsyncSession,
    run_id: UUID,
    *,
    reason: OmissionReason | None,
    after: tuple[UUID, str] | None,
    limit: int,
) -> Sequence[RunOmission]:
    """Return whom a run leaves out, by payee."""
    chosen = select(RunOmission).where(RunOmission.run_id == run_id)
    if reason is not None:
        chosen = chosen.where(RunOmission.reason == reason)
    if after is not None:
        payee_id, last_reason = after
        is_later: ColumnElement[bool] = (RunOmission.payee_id > payee_id) | (
            (RunOmission.payee_id == payee_id) & (RunOmission.reason > last_reason)
        )
        chosen = chosen.where(is_later)
    ordered = chosen.order_by(RunOmission.payee_id, RunOmission.reason).limit(limit)
    return (await session.scalars(ordered)).all()


@dataclass(frozen=True, slots=True)
class OmissionSum:
    """What a run leaves out for one reason; gross in rupiah."""

    reason: OmissionReason
    payee_count: int
    statement_count: int
    gross: int


async def list_months(session: AsyncSession, run_id: UUID) -> Sequence[Month]:
    """Return the months of the statements that a run pays."""
    chosen = (
        select(PayoutItem.month)
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(Payout.run_id == run_id, Payout.withdrawn_at.is_(None))
        .distinct()
    )
    return (await session.scalars(chosen)).all()


async def sum_omissions(session: AsyncSession, run_id: UUID) -> list[OmissionSum]:
    """Add up what a run leaves out, by reason."""
    summed = (
        select(
            RunOmission.reason,
            func.count(),
            _sum(RunOmission.statement_count),
            _sum(RunOmission.gross),
        )
        .where(RunOmission.run_id == run_id)
        .group_by(RunOmission.reason)
        .order_by(RunOmission.reason)
    )
    return [OmissionSum(*row) for row in await session.execute(summed)]


@dataclass(frozen=True, slots=True)
class PayoutSum:
    """Payouts and their amounts, in rupiah."""

    payout_count: int
    statement_count: int
    gross: int
    tax: int
    amount: int


async def sum_payouts(session: AsyncSession, run_id: UUID) -> PayoutSum:
    """Add up the payouts of a run, whatever has become of them."""
    summed = select(func.count(), _sum(Payout.gross), _sum(Payout.tax), _sum(Payout.amount)).where(
        Payout.run_id == run_id
    )
    count, gross, tax, amount = (await session.execute(summed)).one()
    counted = (
        select(func.count())
        .select_from(PayoutItem)
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(Payout.run_id == run_id)
    )
    return PayoutSum(count, (await session.scalars(counted)).one(), gross, tax, amount)


@dataclass(frozen=True, slots=True)
class ProgressSum:
    """Payouts of one status, or withdrawn for one reason; amount in rupiah."""

    status: PayoutStatus
    withdrawn_reason: WithdrawalReason | None
    payout_count: int
    amount: int


async def sum_progress(session: AsyncSession, run_id: UUID) -> list[ProgressSum]:
    """Add up the payouts of a run by what has become of them."""
    summed = (
        select(Payout.status, Payout.withdrawn_reason, func.count(), _sum(Payout.amount))
        .where(Payout.run_id == run_id)
        .group_by(Payout.status, Payout.withdrawn_reason)
        .order_by(Payout.status, Payout.withdrawn_reason)
    )
    return [ProgressSum(*row) for row in await session.execute(summed)]


async def list_payout_ids(session: AsyncSession, run_id: UUID) -> Sequence[UUID]:
    """Lock and return the payouts of a run that are not withdrawn, by payee."""
    chosen = select(Payout.id).where(Payout.run_id == run_id, Payout.withdrawn_at.is_(None))
    ordered = chosen.order_by(Payout.payee_id, Payout.part).with_for_update()
    return (await session.scalars(ordered)).all()


async def delete_entries(session: AsyncSession, run_id: UUID) -> None:
    """Delete the work of a preparation."""
    await session.execute(delete(RunEntry).where(RunEntry.run_id == run_id))


async def is_in_flight(session: AsyncSession, run_id: UUID) -> bool:
    """Tell whether a payout of a run may still be paid, or has failed and waits for an officer."""
    open_ = (
        PayoutStatus.CREATED,
        PayoutStatus.SENT,
        PayoutStatus.UNKNOWN,
        PayoutStatus.FAILED,
    )
    found = exists().where(
        Payout.run_id == run_id, Payout.withdrawn_at.is_(None), Payout.status.in_(open_)
    )
    return bool(await session.scalar(select(found)))


def _sum(what: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(what), 0), BigInteger)
