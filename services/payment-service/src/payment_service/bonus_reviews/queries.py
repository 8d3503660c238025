from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews.models import (
    BonusReview,
    BonusReviewRecord,
    FlaggedAcquisition,
)
from payment_service.bonus_reviews.rules import BonusReviewStatus
from payment_service.counting.models import Beneficiary
from perisai_kit.db.bulk import any_id, insert_once, insert_rows_statement
from perisai_kit.domain.month import Month

AgentMonth = tuple[UUID, Month]
Rows = Sequence[Mapping[str, Any]]


async def insert_flags(session: AsyncSession, rows: Rows) -> None:
    """Insert flags; one that is there already changes nothing."""
    statement = insert_rows_statement(FlaggedAcquisition, rows).on_conflict_do_nothing()
    await session.execute(statement)


async def count_flagged(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> dict[AgentMonth, int]:
    """Count the flagged acquisitions of these agents' months, however many flags each has."""
    flagged = FlaggedAcquisition
    statement = (
        select(flagged.agent_id, flagged.month, func.count(flagged.allocation_id.distinct()))
        .where(tuple_(flagged.agent_id, flagged.month).in_(sorted(pairs)))
        .group_by(flagged.agent_id, flagged.month)
    )
    rows = await session.execute(statement)
    return {(agent_id, month): count for agent_id, month, count in rows}


async def list_reviewed(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> dict[AgentMonth, BonusReviewStatus]:
    """Return the status of the last review of each of these agents' months, if any."""
    review = BonusReview
    # A parameter for each pair would exceed their limit in a branch with 16,384 statements.
    agent_ids, months = {agent_id for agent_id, _ in pairs}, {month for _, month in pairs}
    statement = (
        select(review.agent_id, review.month, review.status)
        .where(review.agent_id == any_id(agent_ids), review.month.in_(months))
        .order_by(review.id)
    )
    rows = await session.execute(statement)
    found = {(agent_id, month): status for agent_id, month, status in rows}
    return {pair: status for pair, status in found.items() if pair in pairs}


async def insert_once_review(session: AsyncSession, review: BonusReview) -> BonusReview | None:
    """Insert a review; return None where one holds the bonus already."""
    return await insert_once(session, review)


async def insert_record(session: AsyncSession, record: BonusReviewRecord) -> None:
    session.add(record)
    await session.flush()


@dataclass(frozen=True, slots=True)
class Review:
    """A review, where its agent belongs, and how many acquisitions are flagged."""

    review: BonusReview
    agent: Beneficiary
    flagged: int


async def find_review(
    session: AsyncSession, review_id: UUID, visible: ColumnElement[bool], *, lock: bool
) -> Review | None:
    statement = _reviews(visible).where(BonusReview.id == review_id)
    if lock:
        statement = statement.with_for_update(of=BonusReview)
    fresh = statement.execution_options(populate_existing=True)
    row = (await session.execute(fresh)).one_or_none()
    return Review(row[0], row[1], row[2]) if row else None


async def list_reviews(
    session: AsyncSession,
    visible: ColumnElement[bool],
    *,
    status: BonusReviewStatus | None,
    agent_id: UUID | None,
    month: Month | None,
    after_id: UUID | None,
    limit: int,
) -> Sequence[Review]:
    """Return reviews, the oldest first."""
    statement = _reviews(visible)
    if status is not None:
        statement = statement.where(BonusReview.status == status)
    if agent_id is not None:
        statement = statement.where(BonusReview.agent_id == agent_id)
    if month is not None:
        statement = statement.where(BonusReview.month == month)
    if after_id is not None:
        statement = statement.where(BonusReview.id > after_id)
    rows = await session.execute(statement.order_by(BonusReview.id).limit(limit))
    return [Review(review, agent, flagged) for review, agent, flagged in rows]


def _reviews(visible: ColumnElement[bool]) -> Select[Any]:
    flagged = (
        select(func.count(FlaggedAcquisition.allocation_id.distinct()))
        .where(
            FlaggedAcquisition.agent_id == BonusReview.agent_id,
            FlaggedAcquisition.month == BonusReview.month,
        )
        .scalar_subquery()
    )
    columns: list[Any] = [BonusReview, Beneficiary, flagged]
    return (
        select(*columns)
        .join(Beneficiary, Beneficiary.beneficiary_id == BonusReview.agent_id)
        .where(visible)
    )


async def list_records(
    session: AsyncSession, review_ids: Collection[UUID]
) -> dict[UUID, list[BonusReviewRecord]]:
    """Return the steps of these reviews, the oldest first."""
    statement = select(BonusReviewRecord).where(BonusReviewRecord.review_id == any_id(review_ids))
    found: dict[UUID, list[BonusReviewRecord]] = defaultdict(list)
    for each in await session.scalars(statement.order_by(BonusReviewRecord.id)):
        found[each.review_id].append(each)
    return found


async def list_flags(
    session: AsyncSession, pair: AgentMonth, *, limit: int
) -> Sequence[FlaggedAcquisition]:
    """Return the flags on the acquisitions of an agent's month."""
    agent_id, month = pair
    statement = (
        select(FlaggedAcquisition)
        .where(FlaggedAcquisition.agent_id == agent_id, FlaggedAcquisition.month == month)
        .order_by(FlaggedAcquisition.counts_at, FlaggedAcquisition.allocation_id)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()
