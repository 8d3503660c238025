from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.activity.models import CoverageAnswer
from agent_service.activity.rules import Answer, Counts
from perisai_kit.db.bulk import insert_rows_statement

_REPLACED = ("answer_no", "agent_id", "counts_on", "is_acquisition")


async def record_answers(session: AsyncSession, answers: Sequence[Answer]) -> None:
    """Record one answer for each allocation, unless a later one is known."""
    if not answers:
        return
    rows: list[dict[str, Any]] = [
        {
            "allocation_id": each.allocation_id,
            "answer_no": each.answer_no,
            "agent_id": each.agent_id,
            "counts_on": each.counts_on,
            "is_acquisition": each.is_acquisition,
        }
        for each in answers
    ]
    statement = insert_rows_statement(CoverageAnswer, rows)
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[CoverageAnswer.allocation_id],
            set_={name: new[name] for name in _REPLACED},
            where=CoverageAnswer.answer_no < new.answer_no,
        )
    )


async def count_by_day(
    session: AsyncSession, agent_id: UUID, *, first: date, last: date
) -> dict[date, Counts]:
    """Return the counts of the days from `first` to `last`; an empty day is absent."""
    acquired = func.count().filter(CoverageAnswer.is_acquisition)
    chosen = (
        select(CoverageAnswer.counts_on, acquired, func.count())
        .where(
            CoverageAnswer.agent_id == agent_id,
            CoverageAnswer.counts_on.between(first, last),
        )
        .group_by(CoverageAnswer.counts_on)
    )
    return {
        day: Counts(acquisitions=acquisitions, contributions=contributions)
        for day, acquisitions, contributions in await session.execute(chosen)
    }
