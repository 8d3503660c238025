from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.exams.models import Exam


async def find_exam(session: AsyncSession, application_id: UUID) -> Exam | None:
    """Return the latest exam; an earlier one no longer counts."""
    chosen = select(Exam).where(Exam.application_id == application_id)
    return await session.scalar(chosen.order_by(Exam.id.desc()).limit(1))
