from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from payment_service.answers.models import CoverageAnswer
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month


async def upsert_answers(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> list[UUID]:
    """Store answers where none with the same or a higher number is; return their allocations."""
    new = insert_rows_statement(CoverageAnswer, rows)
    fixed = ("allocation_id", "payment_id", "bill_id", "member_id")
    changed = {name: new.excluded[name] for name in rows[0] if name not in fixed}
    stored = new.on_conflict_do_update(
        index_elements=[CoverageAnswer.allocation_id],
        set_=changed,
        where=CoverageAnswer.answer_no < new.excluded.answer_no,
    )
    return list(await session.scalars(stored.returning(CoverageAnswer.allocation_id)))


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """The place of an answer among those for agents' members."""

    agent_id: UUID
    counts_at: datetime
    allocation_id: UUID


async def list_of_agents(
    session: AsyncSession,
    begins: datetime,
    ends: datetime,
    *,
    after: AnswerKey | None,
    limit: int,
) -> list[AnswerKey]:
    """Return the next answers for agents' members that count between two instants, by agent."""
    answer = CoverageAnswer
    key = (answer.agent_id, answer.counts_at, answer.allocation_id)
    statement = select(*key).where(*_of_agents(begins, ends)).order_by(*key).limit(limit)
    if after is not None:
        seen = (after.agent_id, after.counts_at, after.allocation_id)
        statement = statement.where(tuple_(*key) > tuple_(*seen))
    rows = await session.execute(statement)
    return [AnswerKey(agent_id, at, id_) for agent_id, at, id_ in rows if agent_id is not None]


async def find_of_bills(
    session: AsyncSession, bill_ids: Collection[UUID]
) -> dict[UUID, CoverageAnswer]:
    """Return the answer to the allocation of each of these bills, of those that have one."""
    statement = select(CoverageAnswer).where(CoverageAnswer.bill_id == any_id(bill_ids))
    return {each.bill_id: each for each in await session.scalars(statement)}


async def count_of_agents(session: AsyncSession, begins: datetime, ends: datetime) -> int:
    """Count the answers for agents' members that count between two instants."""
    counted = select(func.count()).select_from(CoverageAnswer).where(*_of_agents(begins, ends))
    return int(await session.scalar(counted) or 0)


async def list_of_agent(
    session: AsyncSession, agent_id: UUID, begins: datetime, ends: datetime, *, limit: int
) -> Sequence[UUID]:
    """Return the allocations that count for an agent's members between two instants."""
    answer = CoverageAnswer
    statement = (
        select(answer.allocation_id)
        .where(answer.agent_id == agent_id, answer.counts_at >= begins, answer.counts_at < ends)
        .order_by(answer.counts_at)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


def _of_agents(begins: datetime, ends: datetime) -> tuple[ColumnElement[bool], ...]:
    answer = CoverageAnswer
    return answer.agent_id.is_not(None), answer.counts_at >= begins, answer.counts_at < ends


def counts(month: InstrumentedAttribute[Month]) -> ColumnElement[bool]:
    """Return whether a paid month counts, where an allocation is joined with its answer, if any.

    A month counts until the answer says otherwise.
    """
    return or_(
        CoverageAnswer.allocation_id.is_(None), CoverageAnswer.months.has_key(cast(month, Text))
    )
