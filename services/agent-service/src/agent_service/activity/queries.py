from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity.models import ActivityFact
from agent_service.activity.rules import Counts, FactKind
from perisai_kit.db.sql import Statement, execute
from perisai_kit.domain.month import Month

_INSERT_ONCE = """
    INSERT INTO activity_facts (id, kind, agent_id, month, recorded_at)
    SELECT id, $1, agent_id, month, $2
    FROM unnest($3::uuid[], $4::uuid[], $5::text[]) AS new (id, agent_id, month)
    ON CONFLICT DO NOTHING
"""


async def insert_once_facts(
    session: AsyncSession,
    kind: FactKind,
    facts: Sequence[tuple[UUID, UUID, Month]],
    *,
    recorded_at: datetime,
) -> None:
    """Insert facts (id, agent, month); those that are known already change nothing."""
    if not facts:
        return
    columns = (
        [id_ for id_, _, _ in facts],
        [agent_id for _, agent_id, _ in facts],
        [str(month) for _, _, month in facts],
    )
    await execute(session, Statement(_INSERT_ONCE, (kind, recorded_at, *columns)))


async def count_by_month(
    session: AsyncSession, agent_id: UUID, *, first: Month, last: Month
) -> Mapping[Month, Counts]:
    """Return the counts of the months from `first` to `last`; an empty month is absent."""
    acquired = func.count().filter(ActivityFact.kind == FactKind.ACQUISITION)
    received = func.count().filter(ActivityFact.kind == FactKind.CONTRIBUTION)
    chosen = (
        select(ActivityFact.month, acquired, received)
        .where(
            ActivityFact.agent_id == agent_id,
            ActivityFact.month.between(str(first), str(last)),
        )
        .group_by(ActivityFact.month)
    )
    return {
        Month.parse(month): Counts(acquisitions=acquisitions, contributions=contributions)
        for month, acquisitions, contributions in await session.execute(chosen)
    }
