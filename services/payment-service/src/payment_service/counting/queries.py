from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Uuid,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.models import (
    Acquisition,
    Beneficiary,
    CountedPayment,
    KnownAttribution,
    Wait,
    Watermark,
)
from payment_service.schemes.rules import SELF
from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled
from perisai_kit.events.outbox import EventRow

AgentMonth = tuple[UUID, Month]
Rows = Sequence[Mapping[str, Any]]


def any_id(ids: Collection[UUID]) -> ColumnElement[Any]:
    """Return what a column equals when it is one of these ids."""
    return any_(literal(list(ids), ARRAY(Uuid())))


async def lock_watermark(session: AsyncSession) -> Watermark:
    """Lock out everybody else who counts or closes, and return how far months are."""
    statement = select(Watermark).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(statement)).one()


async def get_watermark(session: AsyncSession) -> Watermark:
    return (await session.scalars(select(Watermark))).one()


async def find_known_members(session: AsyncSession, member_ids: set[UUID]) -> set[UUID]:
    """Return those of the members who have paid before."""
    statement = select(CountedPayment.member_id).where(
        CountedPayment.member_id == any_id(member_ids), CountedPayment.is_first
    )
    return set((await session.scalars(statement)).all())


async def insert_once_payments(session: AsyncSession, rows: Rows) -> set[UUID]:
    """Insert payments; return the ids of those that are new."""
    new = insert_rows_statement(CountedPayment, rows).on_conflict_do_nothing()
    return set((await session.scalars(new.returning(CountedPayment.payment_id))).all())


async def find_attributions(
    session: AsyncSession, attribution_ids: set[UUID]
) -> dict[UUID, KnownAttribution]:
    statement = select(KnownAttribution).where(KnownAttribution.id == any_id(attribution_ids))
    return {each.id: each for each in await session.scalars(statement)}


async def find_first_months(session: AsyncSession, member_ids: set[UUID]) -> dict[UUID, Month]:
    """Return the month from which each known member's months count."""
    statement = (
        select(KnownAttribution.member_id, func.min(KnownAttribution.counted_from))
        .where(KnownAttribution.member_id == any_id(member_ids))
        .group_by(KnownAttribution.member_id)
    )
    return {row.member_id: row[1] for row in await session.execute(statement)}


async def insert_once_attributions(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(KnownAttribution, rows).on_conflict_do_nothing())


async def upsert_beneficiaries(session: AsyncSession, rows: Rows) -> None:
    """Store where beneficiaries belong now; each one once."""
    new = insert_rows_statement(Beneficiary, rows)
    moved = {name: new.excluded[name] for name in ("wadah_id", "branch_code", "region_code")}
    key = [Beneficiary.beneficiary_id]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


async def insert_waits(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(Wait, rows))


async def end_waits(
    session: AsyncSession, attribution_ids: set[UUID], *, at: datetime
) -> Sequence[Row[CountedPayment, KnownAttribution]]:
    """End the waits for these attributions, and return what waited, in one order."""
    ended = (
        update(Wait)
        .where(Wait.attribution_id == any_id(attribution_ids), Wait.ended_at.is_(None))
        .values(ended_at=at)
        .returning(Wait.payment_id)
    )
    freed = (await session.scalars(ended)).all()
    if not freed:
        return []
    return await _with_attribution(session, CountedPayment.payment_id == any_id(freed))


async def count_waits(
    session: AsyncSession, *, through: Month | None = None, agent_id: UUID | None = None
) -> dict[Month, int]:
    """Count the payments that wait, by the month they count in."""
    conditions: list[ColumnElement[bool]] = [Wait.ended_at.is_(None)]
    if through is not None:
        conditions.append(Wait.earned_month <= through)
    if agent_id is not None:
        conditions.append(Wait.agent_id == agent_id)
    counted = select(Wait.earned_month, func.count()).where(*conditions)
    rows = await session.execute(counted.group_by(Wait.earned_month))
    return {row.earned_month: row[1] for row in rows}


async def insert_acquisitions(session: AsyncSession, rows: Rows) -> None:
    await session.execute(insert_rows_statement(Acquisition, rows))


@dataclass(frozen=True, slots=True)
class NewMembers:
    """count: of an agent's month. self_paid: those of them who paid themselves."""

    count: int = 0
    self_paid: int = 0

    def of(self, *, sponsored: bool) -> int:
        """Return how many count, by whether those whom others pay for do."""
        return self.count if sponsored else self.self_paid


async def count_new_members(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> dict[AgentMonth, NewMembers]:
    """Count new members by agent and month."""
    statement = (
        select(
            Acquisition.agent_id,
            Acquisition.earned_month,
            func.count(),
            func.count().filter(Acquisition.payer == SELF),
        )
        .where(_in_pairs(pairs))
        .group_by(Acquisition.agent_id, Acquisition.earned_month)
    )
    rows = await session.execute(statement)
    return {(agent_id, month): NewMembers(*counts) for agent_id, month, *counts in rows}


async def list_first_payments(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> Sequence[Row[CountedPayment, KnownAttribution]]:
    """Return what the new members of these agents and months paid first, in one order."""
    first = select(Acquisition.payment_id).where(_in_pairs(pairs))
    return await _with_attribution(session, CountedPayment.payment_id.in_(first))


async def list_payments(
    session: AsyncSession, agent_id: UUID, month: Month, *, limit: int
) -> Sequence[Row[CountedPayment, KnownAttribution]]:
    """Return an agent's payments of a month whose attribution is known, in one order."""
    return await _with_attribution(
        session,
        CountedPayment.agent_id == agent_id,
        CountedPayment.earned_month == month,
        limit=limit,
    )


def beneficiaries() -> Select[Any]:
    """Return the query of everybody who may have earned something, and where each belongs."""
    return select(*Beneficiary.__table__.c)


async def count_beneficiaries(session: AsyncSession) -> int:
    return (await session.scalars(select(func.count()).select_from(Beneficiary))).one()


async def find_beneficiary(
    session: AsyncSession, beneficiary_id: UUID, visible: ColumnElement[bool]
) -> Beneficiary | None:
    statement = select(Beneficiary).where(Beneficiary.beneficiary_id == beneficiary_id, visible)
    return (await session.scalars(statement)).one_or_none()


async def has_unread_payments(session: AsyncSession, *, position: int, before: datetime) -> bool:
    """Tell whether a payment of our own feed that was booked before then lies past a position."""
    unread = exists().where(
        EventRow.type == PaymentSettled.type,
        or_(EventRow.position.is_(None), EventRow.position > position),
        EventRow.occurred_at < before,
    )
    return bool(await session.scalar(select(unread)))


async def _with_attribution(
    session: AsyncSession, *conditions: ColumnElement[bool], limit: int | None = None
) -> Sequence[Row[CountedPayment, KnownAttribution]]:
    statement = (
        select(CountedPayment, KnownAttribution)
        .join(KnownAttribution, KnownAttribution.id == CountedPayment.attribution_id)
        .where(*conditions)
        .order_by(CountedPayment.payment_id)
        .limit(limit)
    )
    return (await session.execute(statement)).all()


def _in_pairs(pairs: Collection[AgentMonth]) -> ColumnElement[bool]:
    return tuple_(Acquisition.agent_id, Acquisition.earned_month).in_(sorted(pairs))
