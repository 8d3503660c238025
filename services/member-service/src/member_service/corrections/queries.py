from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.corrections.models import Correction, CorrectionStep
from member_service.corrections.rules import UNDECIDED, CorrectionNotFound, CorrectionStatus

CORRECTIONS_SHOWN = 50
MAX_STEPS = 1000
"""The most steps that one list of corrections reads."""


async def get(
    session: AsyncSession, correction_id: UUID, *, member_id: UUID, lock: bool = False
) -> Correction:
    """Return a correction of a member. Raises: CorrectionNotFound."""
    chosen = select(Correction).where(
        Correction.id == correction_id, Correction.member_id == member_id
    )
    if lock:
        chosen = chosen.with_for_update().execution_options(populate_existing=True)
    found = await session.scalar(chosen)
    if found is None:
        raise CorrectionNotFound
    return found


async def find(session: AsyncSession, correction_id: UUID) -> Correction | None:
    return await session.get(Correction, correction_id)


async def find_undecided(session: AsyncSession, member_id: UUID) -> Correction | None:
    """Return the open correction of a locked member."""
    chosen = select(Correction).where(
        Correction.member_id == member_id, Correction.status.in_(UNDECIDED)
    )
    return await session.scalar(chosen)


async def list_newest(session: AsyncSession, member_id: UUID) -> Sequence[Correction]:
    chosen = select(Correction).where(Correction.member_id == member_id)
    newest = chosen.order_by(Correction.proposed_at.desc(), Correction.id.desc())
    return (await session.scalars(newest.limit(CORRECTIONS_SHOWN))).all()


async def list_steps(
    session: AsyncSession, correction_ids: Collection[UUID]
) -> Sequence[CorrectionStep]:
    """Return the steps of these corrections, the oldest first."""
    chosen = select(CorrectionStep).where(CorrectionStep.correction_id.in_(list(correction_ids)))
    return (await session.scalars(chosen.order_by(CorrectionStep.id).limit(MAX_STEPS))).all()


async def list_waiting(
    session: AsyncSession, *, due_at: datetime, limit: int
) -> Sequence[tuple[UUID, UUID, datetime | None]]:
    """Return (id, member, due time) of corrections to announce or to apply now."""
    chosen = (
        select(Correction.id, Correction.member_id, Correction.effective_at)
        .where(
            Correction.status == CorrectionStatus.WAITING,
            or_(Correction.effective_at.is_(None), Correction.effective_at <= due_at),
        )
        .order_by(Correction.effective_at.nulls_last(), Correction.id)
        .limit(limit)
    )
    return [(id_, member_id, at) for id_, member_id, at in await session.execute(chosen)]
