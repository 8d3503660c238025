from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import AllocationKind
from payment_service.commissions.models import CommissionLine
from payment_service.counting.models import Beneficiary
from payment_service.disputes.models import Dispute
from payment_service.disputes.rules import DisputeStatus
from perisai_kit.db.bulk import any_id
from perisai_kit.domain.month import Month


async def find_line(
    session: AsyncSession, line_id: int, earned_month: Month, visible: ColumnElement[bool]
) -> CommissionLine | None:
    """Return a line of a visible beneficiary. visible: a condition on `Beneficiary`."""
    statement = (
        select(CommissionLine)
        .join(Beneficiary, Beneficiary.beneficiary_id == CommissionLine.beneficiary_id)
        .where(CommissionLine.id == line_id, CommissionLine.earned_month == earned_month, visible)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_bill_allocations(session: AsyncSession, payment_id: UUID) -> Sequence[Allocation]:
    """Return the allocations of a payment to bills, by id."""
    statement = select(Allocation).where(
        Allocation.payment_id == payment_id,
        Allocation.kind == AllocationKind.BILL,
        Allocation.amount > 0,
    )
    return (await session.scalars(statement.order_by(Allocation.id))).all()


async def has_lines(
    session: AsyncSession, allocation_ids: Sequence[UUID], beneficiary_id: UUID
) -> bool:
    """Tell whether any line was booked for a beneficiary from these allocations."""
    found = exists().where(
        CommissionLine.allocation_id == any_id(allocation_ids),
        CommissionLine.beneficiary_id == beneficiary_id,
    )
    return bool(await session.scalar(select(found)))


async def find_open(
    session: AsyncSession, *, beneficiary_id: UUID, payment_id: UUID, line_id: int | None
) -> Dispute | None:
    statement = select(Dispute).where(
        Dispute.beneficiary_id == beneficiary_id,
        Dispute.payment_id == payment_id,
        Dispute.line_id.is_not_distinct_from(line_id),
        Dispute.status == DisputeStatus.OPEN,
    )
    return (await session.scalars(statement)).one_or_none()


async def lock_subject(session: AsyncSession, payment_id: UUID) -> None:
    """Serialise disputes about a payment until the end of the transaction."""
    key = int.from_bytes(payment_id.bytes[8:], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def insert_dispute(session: AsyncSession, dispute: Dispute) -> None:
    session.add(dispute)
    await session.flush()


@dataclass(frozen=True, slots=True)
class Disputed:
    """A dispute, and where its beneficiary belongs."""

    dispute: Dispute
    beneficiary: Beneficiary


async def find_dispute(
    session: AsyncSession, dispute_id: UUID, visible: ColumnElement[bool], *, lock: bool
) -> Disputed | None:
    statement = _disputes(visible).where(Dispute.id == dispute_id)
    if lock:
        statement = statement.with_for_update(of=Dispute)
    fresh = statement.execution_options(populate_existing=True)
    row = (await session.execute(fresh)).one_or_none()
    return Disputed(row[0], row[1]) if row else None


async def list_disputes(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    status: DisputeStatus | None,
    due_before: datetime | None,
    beneficiary_id: UUID | None,
    after_id: UUID | None,
    limit: int,
) -> Sequence[Disputed]:
    """Return disputes, the oldest first. due_before: only open ones due until then."""
    statement = _disputes(visible)
    if status is not None:
        statement = statement.where(Dispute.status == status)
    if due_before is not None:
        statement = statement.where(_is_overdue(due_before))
    if beneficiary_id is not None:
        statement = statement.where(Dispute.beneficiary_id == beneficiary_id)
    if after_id is not None:
        statement = statement.where(Dispute.id > after_id)
    rows = await session.execute(statement.order_by(Dispute.id).limit(limit))
    return [Disputed(dispute, beneficiary) for dispute, beneficiary in rows]


async def count_overdue(session: AsyncSession, now: datetime) -> int:
    counted = select(func.count()).select_from(Dispute).where(_is_overdue(now))
    return (await session.scalars(counted)).one()


def _is_overdue(now: datetime) -> ColumnElement[bool]:
    return (Dispute.status == DisputeStatus.OPEN) & (Dispute.due_at <= now)


def _disputes(visible: ColumnElement[bool]) -> Select[Any]:
    columns: list[Any] = [Dispute, Beneficiary]
    return (
        select(*columns)
        .join(Beneficiary, Beneficiary.beneficiary_id == Dispute.beneficiary_id)
        .where(visible)
    )
