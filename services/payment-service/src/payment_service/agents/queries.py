from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, Uuid, any_, case, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.models import AgentDecision, WadahAgreement, WadahTermination
from payment_service.agents.rules import Decision, HeldReason
from payment_service.base import Base
from perisai_kit.db.bulk import insert_rows_statement


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


def held_reason(wadah_id: ColumnElement[Any], *, on: date) -> ColumnElement[str | None]:
    """Return why the incentive of a wadah is held on a day; NULL where it is not."""
    is_terminated = exists().where(WadahTermination.wadah_id == wadah_id)
    has_agreement = exists().where(
        WadahAgreement.wadah_id == wadah_id,
        WadahAgreement.starts_on <= on,
        WadahAgreement.ends_on >= on,
    )
    return case(
        (is_terminated, literal(HeldReason.WADAH_TERMINATED.value, Text())),
        (~has_agreement, literal(HeldReason.AGREEMENT_ENDED.value, Text())),
        else_=None,
    )
