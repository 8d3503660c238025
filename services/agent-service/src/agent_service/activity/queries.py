from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity.models import ActivityFact
from agent_service.activity.rules import Counts, FactKind
from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.domain.month import Month


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
    rows = [
        {
            "id": id_,
            "kind": kind,
            "agent_id": agent_id,
            "month": month,
            "recorded_at": recorded_at,
        }
        for id_, agent_id, month in facts
    ]
    await session.execute(insert_rows_statement(ActivityFact, rows).on_conflict_do_nothing())


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
