from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    any_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.models import (
    AgentDecision,
    AgentWadahMove,
    WadahAgreement,
    WadahTermination,
)
from payment_service.agents.rules import Decision, HeldReason
from payment_service.base import Base
from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.events.catalogue import AgentMoved
from perisai_kit.services.agents.moves import upsert_moves_statement


async def insert_once(
    session: AsyncSession, model: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows; one that is there already changes nothing."""
    await session.execute(insert_rows_statement(model, rows).on_conflict_do_nothing())


async def find_decisions(
    session: AsyncSession, agent_ids: Collection[UUID]
) -> dict[UUID, list[Decision]]:
    """Return what was decided on each of these agents; nothing for those without decisions."""
    wanted = any_(literal(list(agent_ids), ARRAY(Uuid())))
    rows = await session.execute(
        select(AgentDecision.agent_id, AgentDecision.decided_at, AgentDecision.is_at_work).where(
            AgentDecision.agent_id == wanted
        )
    )
    found: dict[UUID, list[Decision]] = defaultdict(list)
    for agent_id, decided_at, is_at_work in rows:
        found[agent_id].append(Decision(decided_at, is_at_work))
    return found


async def upsert_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    await session.execute(upsert_moves_statement(AgentWadahMove, events))


def wadah_on(
    agent_id: Any, on: date | ColumnElement[date], *, otherwise: Any
) -> ColumnElement[UUID]:
    """Return the wadah of an agent on a day: perisai_kit.domain.at_work.find_wadah in SQL.

    otherwise: the wadah that is known without a move.
    """
    move = AgentWadahMove
    latest = (
        select(move.wadah_id)
        .where(move.agent_id == agent_id, ~move.is_cancelled, move.from_date <= on)
        .order_by(move.from_date.desc())
        .limit(1)
        .correlate_except(move)
        .scalar_subquery()
    )
    return func.coalesce(latest, otherwise)


def held_reason(
    wadah_id: ColumnElement[Any],
    *,
    on: date | ColumnElement[date],
    until: ColumnElement[datetime] | None = None,
) -> ColumnElement[str | None]:
    """Return why the incentive of a wadah is held on a day; NULL where it is not.

    until: the instant up to which a termination counts; None: whenever it was.
    """
    is_terminated = exists().where(WadahTermination.wadah_id == wadah_id)
    if until is not None:
        is_terminated = is_terminated.where(WadahTermination.decided_at <= until)
    is_terminated = is_terminated.correlate_except(WadahTermination)
    has_agreement = exists().where(WadahAgreement.wadah_id == wadah_id, *_covers(on))
    has_agreement = has_agreement.correlate_except(WadahAgreement)
    return case(
        (is_terminated, literal(HeldReason.WADAH_TERMINATED.value, Text())),
        (~has_agreement, literal(HeldReason.AGREEMENT_ENDED.value, Text())),
        else_=None,
    )


def agreed_payment(
    wadah_id: ColumnElement[Any], *, on: ColumnElement[date]
) -> ColumnElement[str | None]:
    """Return who is paid by the agreement in force on a day; NULL where it does not say it.

    An agreement that begins later amends the others; of those of one day, the latest recorded.
    """
    chosen = (
        select(cast(WadahAgreement.pays, Text))
        .where(WadahAgreement.wadah_id == wadah_id, *_covers(on))
        .order_by(WadahAgreement.starts_on.desc(), WadahAgreement.agreement_id.desc())
        .limit(1)
        .correlate_except(WadahAgreement)
    )
    return chosen.scalar_subquery()


def _covers(
    on: date | ColumnElement[date],
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return WadahAgreement.starts_on <= on, WadahAgreement.ends_on >= on
