from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Text, cast, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from payment_service.incentive_holds.models import (
    CauseDismissal,
    ForfeitSetOff,
    HeldStatement,
    HoldProposal,
    IncentiveHold,
)
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalStatus,
    HoldReason,
    HoldStatus,
)
from perisai_kit.db.bulk import any_id, insert_once, insert_rows_statement
from perisai_kit.domain.month import Month

Rows = Sequence[Mapping[str, Any]]
StatementColumn = ColumnElement[Any] | InstrumentedAttribute[UUID]


async def insert_dismissals(session: AsyncSession, rows: Rows) -> None:
    """Insert dismissals for cause; one that is there already changes nothing."""
    statement = insert_rows_statement(CauseDismissal, rows).on_conflict_do_nothing()
    await session.execute(statement)


async def lock_holding(session: AsyncSession) -> None:
    """Let nobody else hold statements until this transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("incentive_holds"))))


async def lock_open_holds(session: AsyncSession) -> dict[UUID, UUID]:
    """Lock the open holds after dismissals for cause; return them by agent."""
    statement = (
        select(IncentiveHold.beneficiary_id, IncentiveHold.id)
        .where(IncentiveHold.kind == HoldKind.CAUSE, IncentiveHold.status == HoldStatus.OPEN)
        .order_by(IncentiveHold.id)
        .with_for_update()
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


@dataclass(frozen=True, slots=True)
class ToHold:
    """A statement to be held. dismissed_at: of an agent dismissed for cause."""

    statement_id: UUID
    month: Month
    beneficiary_kind: str
    beneficiary_id: UUID
    wadah_id: UUID
    branch_code: str
    region_code: str
    payable: int
    reason: str
    dismissed_at: datetime | None


async def list_to_hold(session: AsyncSession, statements: Select[Any]) -> list[ToHold]:
    """Return those of these statements that must be held and are not, in their order.

    statements: see `service.hold`.
    """
    stated = statements.subquery("stated")
    frozen = _frozen().subquery("frozen")
    reason = func.coalesce(cast(frozen.c.reason, Text), stated.c.held_reason)
    columns: list[ColumnElement[Any]] = [
        stated.c[each.name] for each in fields(ToHold) if each.name in stated.c
    ]
    statement = (
        select(*columns, reason.label("reason"), frozen.c.decided_at.label("dismissed_at"))
        .outerjoin(frozen, frozen.c.agent_id == stated.c.beneficiary_id)
        .where(stated.c.payable > 0, reason.is_not(None), is_free(stated.c.statement_id))
        .order_by(stated.c.statement_id)
    )
    return [ToHold(**row) for row in (await session.execute(statement)).mappings()]


def _frozen() -> Select[Any]:
    """Return the query of the agents whose last dismissal for cause was not released."""
    is_released = exists().where(
        IncentiveHold.beneficiary_id == CauseDismissal.agent_id,
        IncentiveHold.status == HoldStatus.RELEASED,
        IncentiveHold.dismissed_at >= CauseDismissal.decided_at,
    )
    dismissal = CauseDismissal
    columns: list[Any] = [dismissal.agent_id, dismissal.decided_at, dismissal.reason]
    return (
        select(*columns)
        .where(~is_released)
        .ext(distinct_on(CauseDismissal.agent_id))
        .order_by(CauseDismissal.agent_id, CauseDismissal.decided_at.desc())
    )


async def are_frozen(session: AsyncSession, agent_ids: Collection[UUID]) -> bool:
    """Tell whether the last dismissal for cause of one of these agents was not released."""
    frozen = _frozen().subquery("frozen")
    chosen = select(frozen.c.agent_id).where(frozen.c.agent_id == any_id(agent_ids)).limit(1)
    return await session.scalar(chosen) is not None


def held_reason(statement_id: StatementColumn) -> ColumnElement[str | None]:
    """Return why a statement is held, or was forfeited; NULL where it is free."""
    held = select(cast(IncentiveHold.reason, Text)).where(
        HeldStatement.statement_id == statement_id,
        IncentiveHold.id == HeldStatement.hold_id,
        IncentiveHold.status != HoldStatus.RELEASED,
    )
    return held.limit(1).scalar_subquery()


def is_held(statement_id: StatementColumn) -> ColumnElement[bool]:
    """Return whether an open hold holds a statement; what was forfeited is owed no more."""
    return exists().where(
        HeldStatement.statement_id == statement_id,
        IncentiveHold.id == HeldStatement.hold_id,
        IncentiveHold.status == HoldStatus.OPEN,
    )


def is_free(statement_id: StatementColumn) -> ColumnElement[bool]:
    """Return whether a statement is neither held nor forfeited."""
    held = exists().where(
        HeldStatement.statement_id == statement_id,
        IncentiveHold.id == HeldStatement.hold_id,
        IncentiveHold.status != HoldStatus.RELEASED,
    )
    return ~held


async def insert_holds(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(IncentiveHold, rows))


async def insert_held(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(HeldStatement, rows))


async def lock_hold(session: AsyncSession, hold_id: UUID) -> IncentiveHold | None:
    statement = select(IncentiveHold).where(IncentiveHold.id == hold_id).with_for_update()
    fresh = statement.execution_options(populate_existing=True)
    return (await session.scalars(fresh)).one_or_none()


async def find_hold(
    session: AsyncSession, hold_id: UUID, visible: ColumnElement[bool]
) -> IncentiveHold | None:
    statement = select(IncentiveHold).where(IncentiveHold.id == hold_id, visible)
    return (await session.scalars(statement)).one_or_none()


async def list_holds(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    status: HoldStatus | None,
    kind: HoldKind | None,
    beneficiary_id: UUID | None,
    after_id: UUID | None,
    limit: int,
) -> Sequence[IncentiveHold]:
    """Return holds, the oldest first."""
    conditions = [visible]
    if status is not None:
        conditions.append(IncentiveHold.status == status)
    if kind is not None:
        conditions.append(IncentiveHold.kind == kind)
    if beneficiary_id is not None:
        conditions.append(IncentiveHold.beneficiary_id == beneficiary_id)
    if after_id is not None:
        conditions.append(IncentiveHold.id > after_id)
    statement = select(IncentiveHold).where(*conditions).order_by(IncentiveHold.id).limit(limit)
    return (await session.scalars(statement)).all()


async def list_held(
    session: AsyncSession, hold_ids: Collection[UUID]
) -> dict[UUID, list[HeldStatement]]:
    """Return what each of these holds holds, the earliest month first."""
    statement = select(HeldStatement).where(HeldStatement.hold_id == any_id(hold_ids))
    held: dict[UUID, list[HeldStatement]] = defaultdict(list)
    for each in await session.scalars(statement.order_by(HeldStatement.month)):
        held[each.hold_id].append(each)
    return held


def owed_in(hold_id: UUID, month: Month) -> Select[Any]:
    """Return the query of what a hold holds of a month: cause_id, part, amount."""
    owed: list[Any] = [
        HeldStatement.statement_id.label("cause_id"),
        cast(IncentiveHold.beneficiary_id, Text).label("part"),
        HeldStatement.amount,
    ]
    return (
        select(*owed)
        .join(IncentiveHold, IncentiveHold.id == HeldStatement.hold_id)
        .where(HeldStatement.hold_id == hold_id, HeldStatement.month == month)
    )


@dataclass(frozen=True, slots=True)
class StatementHold:
    """The last hold on a statement."""

    hold_id: UUID
    reason: HoldReason
    status: HoldStatus
    decided_at: datetime | None


async def find_statement_holds(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, StatementHold]:
    """Return the last hold on each of these statements; nothing for those never held."""
    hold = IncentiveHold
    statement = (
        select(HeldStatement.statement_id, hold.id, hold.reason, hold.status, hold.decided_at)
        .join(hold, hold.id == HeldStatement.hold_id)
        .where(HeldStatement.statement_id == any_id(statement_ids))
        .order_by(hold.id)
    )
    rows = await session.execute(statement)
    return {
        statement_id: StatementHold(id_, reason, status, decided_at)
        for statement_id, id_, reason, status, decided_at in rows
    }


async def insert_once_proposal(
    session: AsyncSession, proposal: HoldProposal
) -> HoldProposal | None:
    """Insert a proposal; return None where another one is open for the hold."""
    return await insert_once(session, proposal)


async def lock_proposal(
    session: AsyncSession, hold_id: UUID, proposal_id: UUID
) -> HoldProposal | None:
    statement = (
        select(HoldProposal)
        .where(HoldProposal.id == proposal_id, HoldProposal.hold_id == hold_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_proposals(session: AsyncSession, hold_id: UUID) -> Sequence[HoldProposal]:
    """Return the proposals for a hold, the oldest first."""
    statement = select(HoldProposal).where(HoldProposal.hold_id == hold_id)
    return (await session.scalars(statement.order_by(HoldProposal.id))).all()


async def find_open_proposals(
    session: AsyncSession, hold_ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """Return the proposal that waits for a decision, by hold."""
    statement = select(HoldProposal.hold_id, HoldProposal.id).where(
        HoldProposal.hold_id == any_id(hold_ids),
        HoldProposal.status == HoldProposalStatus.PROPOSED,
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a statement that is held or forfeited, in rupiah > 0."""

    hold_id: UUID
    statement_id: UUID
    beneficiary_id: UUID
    month: Month
    amount: int
    is_forfeited: bool


async def list_left(
    session: AsyncSession, *, beneficiary_ids: Collection[UUID] | None
) -> list[Left]:
    """Return what is left of statements that are held or forfeited. beneficiary_ids: None: of all.

    By beneficiary, what is forfeited first, of that the earliest month first.
    """
    used = (
        select(func.sum(ForfeitSetOff.amount))
        .where(
            ForfeitSetOff.hold_id == HeldStatement.hold_id,
            ForfeitSetOff.statement_id == HeldStatement.statement_id,
        )
        .scalar_subquery()
    )
    left = cast(HeldStatement.amount - func.coalesce(used, 0), BigInteger)
    held, hold = HeldStatement, IncentiveHold
    is_forfeited = hold.status == HoldStatus.FORFEITED
    conditions = [hold.status != HoldStatus.RELEASED, left > 0]
    if beneficiary_ids is not None:
        conditions.append(hold.beneficiary_id == any_id(beneficiary_ids))
    statement = (
        select(held.hold_id, held.statement_id, hold.beneficiary_id, held.month, left, is_forfeited)
        .join(hold, hold.id == held.hold_id)
        .where(*conditions)
        .order_by(hold.beneficiary_id, is_forfeited.desc(), held.month, held.statement_id)
    )
    return [Left(*row) for row in await session.execute(statement)]


async def insert_set_offs(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(ForfeitSetOff, rows))


def set_off_in(month: Month, ids: Collection[UUID]) -> Select[Any]:
    """Return the query of those of these set-offs whose statement is of a month.

    Columns: cause_id, part, amount.
    """
    held = HeldStatement
    booked: list[ColumnElement[Any]] = [
        ForfeitSetOff.id.label("cause_id"),
        cast(ForfeitSetOff.beneficiary_id, Text).label("part"),
        ForfeitSetOff.amount.label("amount"),
    ]
    return (
        select(*booked)
        .join(
            held,
            (held.hold_id == ForfeitSetOff.hold_id)
            & (held.statement_id == ForfeitSetOff.statement_id),
        )
        .where(ForfeitSetOff.id == any_id(ids), held.month == month)
    )


async def list_set_offs(session: AsyncSession, *, hold_id: UUID) -> Sequence[UUID]:
    """Return the set-offs of a hold, the oldest first."""
    chosen = select(ForfeitSetOff.id).where(ForfeitSetOff.hold_id == hold_id)
    return (await session.scalars(chosen.order_by(ForfeitSetOff.id))).all()


async def list_set_offs_of(session: AsyncSession, statement_id: UUID) -> Sequence[UUID]:
    """Return the set-offs of a statement, the oldest first."""
    chosen = select(ForfeitSetOff.id).where(ForfeitSetOff.statement_id == statement_id)
    return (await session.scalars(chosen.order_by(ForfeitSetOff.id))).all()


def sum_set_off(beneficiary_id: Any) -> Select[Any]:
    """Return the query of what counts for a beneficiary's debts, in rupiah."""
    return (
        select(func.sum(ForfeitSetOff.amount))
        .join(IncentiveHold, IncentiveHold.id == ForfeitSetOff.hold_id)
        .where(
            ForfeitSetOff.beneficiary_id == beneficiary_id,
            IncentiveHold.status != HoldStatus.RELEASED,
        )
    )


async def sum_by_statement(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Return what of each of these statements made up for debts; nothing for the others."""
    summed = cast(func.sum(ForfeitSetOff.amount), BigInteger)
    statement = (
        select(ForfeitSetOff.statement_id, summed)
        .join(IncentiveHold, IncentiveHold.id == ForfeitSetOff.hold_id)
        .where(
            ForfeitSetOff.statement_id == any_id(statement_ids),
            IncentiveHold.status != HoldStatus.RELEASED,
        )
        .group_by(ForfeitSetOff.statement_id)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}
