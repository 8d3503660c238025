"""Store the answers of member-service to settled allocations; they may arrive in any order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers import queries
from payment_service.answers.queries import AnswerKey
from payment_service.answers.rules import AnswerOutcome
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn

Answer: TypeAlias = CoverageExtended | CoverageWithdrawn | CoverageDeclined


async def take_answers(session: AsyncSession, events: Sequence[Answer]) -> list[Answer]:
    """Store the answers with the highest numbers; return those that changed what is known."""
    latest: dict[UUID, Answer] = {}
    for event in events:
        known = latest.get(event.allocation_id)
        if known is None or known.answer_no < event.answer_no:
            latest[event.allocation_id] = event
    changed = await queries.upsert_answers(session, [_row(each) for each in latest.values()])
    return [latest[allocation_id] for allocation_id in changed]


async def list_of_agents(
    session: AsyncSession,
    begins: datetime,
    ends: datetime,
    *,
    after: AnswerKey | None,
    limit: int,
) -> list[AnswerKey]:
    """Return the next answers for agents' members that count between two instants, by agent.

    after: the last one of the batch before. ends: not inside.
    """
    return await queries.list_of_agents(session, begins, ends, after=after, limit=limit)


async def count_of_agents(session: AsyncSession, begins: datetime, ends: datetime) -> int:
    """Count what `list_of_agents` lists in all."""
    return await queries.count_of_agents(session, begins, ends)


async def list_of_agent(
    session: AsyncSession, agent_id: UUID, begins: datetime, ends: datetime, *, limit: int
) -> Sequence[UUID]:
    """Return the allocations that count for an agent's members between two instants."""
    return await queries.list_of_agent(session, agent_id, begins, ends, limit=limit)


def _row(event: Answer) -> dict[str, Any]:
    common: dict[str, Any] = {
        "allocation_id": event.allocation_id,
        "payment_id": event.payment_id,
        "bill_id": event.bill_id,
        "member_id": event.member_id,
        "answer_no": event.answer_no,
        "counts_at": event.counts_at,
    }
    if isinstance(event, CoverageDeclined):
        return {
            **common,
            "outcome": AnswerOutcome.DECLINED,
            "reason_code": event.reason_code,
            "months": [],
            "withdrawn": [],
            "first_month": None,
            "agent_id": None,
            "wadah_id": None,
            "branch_code": None,
            "region_code": None,
            "is_acquisition": False,
        }
    withdrawn = event.withdrawn if isinstance(event, CoverageWithdrawn) else None
    return {
        **common,
        "outcome": AnswerOutcome.EXTENDED if withdrawn is None else AnswerOutcome.WITHDRAWN,
        "reason_code": None,
        "months": [str(month) for month in event.months],
        "withdrawn": [str(month) for month in withdrawn or ()],
        "first_month": event.first_month,
        "agent_id": event.agent_id,
        "wadah_id": event.wadah_id,
        "branch_code": event.branch_code,
        "region_code": event.region_code,
        "is_acquisition": event.is_acquisition,
    }
