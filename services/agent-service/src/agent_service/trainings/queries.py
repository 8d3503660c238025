from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.trainings.models import Training


async def find_training(session: AsyncSession, application_id: UUID) -> Training | None:
    """Return the latest training."""
    chosen = select(Training).where(Training.application_id == application_id)
    return await session.scalar(chosen.order_by(Training.id.desc()).limit(1))
