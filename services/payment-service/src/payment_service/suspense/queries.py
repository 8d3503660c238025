from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.allocations.queries import is_standing
from payment_service.allocations.rules import AllocationKind, AllocationReason
from payment_service.payments.models import Payment
from payment_service.suspense.models import SuspenseOwner, SuspenseProposal
from payment_service.suspense.rules import ProposalStatus
from perisai_kit.db.bulk import any_id, insert_once


@dataclass(frozen=True, slots=True)
class Item:
    """Money in suspense: the allocation, its payment, who answers for it, the open proposal."""

    allocation: Allocation
    payment: Payment
    owner: SuspenseOwner | None
    open_proposal_id: UUID | None


async def list_items(
    session: AsyncSession,
    *,
    reason: AllocationReason | None,
    owner_id: UUID | None,
    is_unowned: bool,
    before: datetime,
    after_id: UUID | None,
    limit: int,
) -> list[Item]:
    """Return what is in suspense, the oldest first. before: in suspense since before then."""
    statement = _items().where(Allocation.allocated_at < before)
    if reason is not None:
        statement = statement.where(Allocation.reason == reason)
    if owner_id is not None:
        statement = statement.where(SuspenseOwner.owner_id == owner_id)
    if is_unowned:
        statement = statement.where(SuspenseOwner.owner_id.is_(None))
    if after_id is not None:
        statement = statement.where(Allocation.id > after_id)
    rows = await session.execute(statement.order_by(Allocation.id).limit(limit))
    return [_read(row) for row in rows]


async def find_item(session: AsyncSession, item_id: UUID) -> Item | None:
    row = (await session.execute(_items().where(Allocation.id == item_id))).one_or_none()
    return _read(row) if row else None


def _read(row: Iterable[Any]) -> Item:
    # Outer joins: the last two may be missing.
    allocation, payment, owner, open_proposal_id = row
    return Item(allocation, payment, owner, open_proposal_id)


def _items() -> Select[Allocation, Payment, SuspenseOwner, UUID]:
    waiting = (SuspenseProposal.item_id == Allocation.id) & (
        SuspenseProposal.status == ProposalStatus.PROPOSED
    )
    return (
        select(Allocation, Payment, SuspenseOwner, SuspenseProposal.id)
        .join(Payment, Payment.id == Allocation.payment_id)
        .outerjoin(SuspenseOwner, SuspenseOwner.item_id == Allocation.id)
        .outerjoin(SuspenseProposal, waiting)
        .where(_is_item(is_standing()))
    )


def _is_item(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return (Allocation.kind == AllocationKind.SUSPENSE) & (Allocation.amount > 0) & condition


async def upsert_owner(
    session: AsyncSession, item_id: UUID, *, owner_id: UUID, since: datetime
) -> None:
    """Let somebody answer for an item; who does already keeps the instant."""
    new = insert(SuspenseOwner).values(item_id=item_id, owner_id=owner_id, owned_since=since)
    moved = {name: new.excluded[name] for name in ("owner_id", "owned_since")}
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[SuspenseOwner.item_id],
            set_=moved,
            where=SuspenseOwner.owner_id != new.excluded.owner_id,
        )
    )


async def insert_owner(
    session: AsyncSession, item_id: UUID, *, owner_id: UUID, since: datetime
) -> None:
    """Let somebody answer for a new item since an instant."""
    session.add(SuspenseOwner(item_id=item_id, owner_id=owner_id, owned_since=since))
    await session.flush()


async def insert_once_proposal(
    session: AsyncSession, proposal: SuspenseProposal
) -> SuspenseProposal | None:
    """Insert a proposal; return None where another one is open for the item."""
    return await insert_once(session, proposal)


async def find_proposal(
    session: AsyncSession, item_id: UUID, proposal_id: UUID
) -> SuspenseProposal | None:
    statement = select(SuspenseProposal).where(
        SuspenseProposal.id == proposal_id, SuspenseProposal.item_id == item_id
    )
    return (await session.scalars(statement)).one_or_none()


async def lock_proposal(
    session: AsyncSession, item_id: UUID, proposal_id: UUID
) -> SuspenseProposal | None:
    statement = (
        select(SuspenseProposal)
        .where(SuspenseProposal.id == proposal_id, SuspenseProposal.item_id == item_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_proposals(session: AsyncSession, item_id: UUID) -> Sequence[SuspenseProposal]:
    """Return the proposals for an item, the oldest first."""
    statement = select(SuspenseProposal).where(SuspenseProposal.item_id == item_id)
    return (await session.scalars(statement.order_by(SuspenseProposal.id))).all()


async def get_payment(session: AsyncSession, payment_id: UUID) -> Payment:
    return await session.get_one(Payment, payment_id)


async def list_standing(
    session: AsyncSession, pairs: Collection[tuple[UUID, UUID]]
) -> Sequence[tuple[Allocation, UUID]]:
    """Return those of these allocations to bills that stand, each with its bank partner.

    pairs: payment and allocation.
    """
    statement = (
        select(Allocation, Payment.partner_id)
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(
            Allocation.payment_id == any_id({payment_id for payment_id, _ in pairs}),
            Allocation.id == any_id({id_ for _, id_ in pairs}),
            Allocation.kind == AllocationKind.BILL,
            is_standing(),
        )
        .order_by(Allocation.id)
    )
    rows = await session.execute(statement)
    return [(allocation, partner_id) for allocation, partner_id in rows]
