from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import FromClause, exists, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payouts import queries as payout_queries
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutPayee, PayoutStatus
from perisai_kit.db.bulk import any_id
from perisai_kit.domain.month import Month


@dataclass(frozen=True, slots=True)
class MissingConfirmation:
    """The part of an agent in a payout to their wadah, of which they said nothing.

    month: the agent's last one in the payout. amount: after tax, in rupiah. settled_at: when the
    wadah was paid.
    """

    payout_id: UUID
    agent_id: UUID
    wadah_id: UUID
    month: Month
    amount: int
    settled_at: datetime


async def lock_payout_of(session: AsyncSession, payout_id: UUID, agent_id: UUID) -> Payout | None:
    """Lock a payout that pays for statements of this agent."""
    pays = exists().where(PayoutItem.payout_id == payout_id, PayoutItem.beneficiary_id == agent_id)
    statement = select(Payout).where(Payout.id == payout_id, pays).with_for_update()
    return (await session.scalars(statement)).one_or_none()


async def find_last(
    session: AsyncSession, payout_id: UUID, agent_id: UUID
) -> PayoutConfirmation | None:
    """Return what an agent said last of a payout."""
    statement = (
        select(PayoutConfirmation)
        .where(PayoutConfirmation.payout_id == payout_id, PayoutConfirmation.agent_id == agent_id)
        .order_by(PayoutConfirmation.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_confirmations(
    session: AsyncSession,
    *,
    is_received: bool | None,
    payout_id: UUID | None,
    before_id: UUID | None,
    limit: int,
) -> Sequence[PayoutConfirmation]:
    """Return what agents said last of payouts, the latest first."""
    later = aliased(PayoutConfirmation)
    is_last = ~exists().where(
        later.payout_id == PayoutConfirmation.payout_id,
        later.agent_id == PayoutConfirmation.agent_id,
        later.id > PayoutConfirmation.id,
    )
    chosen = select(PayoutConfirmation).where(is_last)
    if is_received is not None:
        chosen = chosen.where(PayoutConfirmation.is_received.is_(is_received))
    if payout_id is not None:
        chosen = chosen.where(PayoutConfirmation.payout_id == payout_id)
    if before_id is not None:
        chosen = chosen.where(PayoutConfirmation.id < before_id)
    return (await session.scalars(chosen.order_by(PayoutConfirmation.id.desc()).limit(limit))).all()


async def find_answers(
    session: AsyncSession, payout_ids: Collection[UUID], agent_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], bool]:
    """Return whether agents received their parts, by payout and agent, as they said last."""
    key = (PayoutConfirmation.payout_id, PayoutConfirmation.agent_id)
    last = (
        select(*key, PayoutConfirmation.is_received)
        .where(
            PayoutConfirmation.payout_id == any_id(payout_ids),
            PayoutConfirmation.agent_id == any_id(agent_ids),
        )
        .ext(distinct_on(*key))
        .order_by(*key, PayoutConfirmation.id.desc())
    )
    rows = await session.execute(last)
    return {(payout_id, agent_id): is_received for payout_id, agent_id, is_received in rows}


async def list_missing(
    session: AsyncSession,
    *,
    payout_id: UUID | None,
    wadah_id: UUID | None,
    settled_before: datetime | None,
    after: tuple[datetime, UUID, UUID] | None,
    limit: int,
) -> Sequence[MissingConfirmation]:
    """Return the parts in payouts to wadahs that no agent said anything of, the earliest first.

    after: settled_at, payout_id and agent_id of the row before.
    """
    part = _unanswered_parts()
    chosen = (
        select(
            Payout.id,
            part.c.agent_id,
            Payout.payee_id,
            part.c.month,
            part.c.amount,
            Payout.settled_at,
        )
        .join(part, true())
        .where(Payout.payee_kind == PayoutPayee.WADAH, Payout.status == PayoutStatus.PAID)
        .order_by(Payout.settled_at, Payout.id, part.c.agent_id)
        .limit(limit)
    )
    if payout_id is not None:
        chosen = chosen.where(Payout.id == payout_id)
    if wadah_id is not None:
        chosen = chosen.where(Payout.payee_id == wadah_id)
    if settled_before is not None:
        chosen = chosen.where(Payout.settled_at < settled_before)
    if after is not None:
        # The index has no agents in it: it begins with the payout that the page before ended in.
        chosen = chosen.where(
            tuple_(Payout.settled_at, Payout.id) >= after[:2],
            tuple_(Payout.settled_at, Payout.id, part.c.agent_id) > after,
        )
    return [MissingConfirmation(*row) for row in await session.execute(chosen)]


def _unanswered_parts() -> FromClause:
    """Return the parts of one payout. A join would add up those of all payouts for each page."""
    is_answered = exists().where(
        PayoutConfirmation.payout_id == PayoutItem.payout_id,
        PayoutConfirmation.agent_id == PayoutItem.beneficiary_id,
    )
    return (
        select(PayoutItem.beneficiary_id.label("agent_id"), *payout_queries.sums_of_part())
        .where(PayoutItem.payout_id == Payout.id, payout_queries.pays_agent(), ~is_answered)
        .group_by(PayoutItem.beneficiary_id)
        .correlate(Payout)
        .lateral("part")
    )
