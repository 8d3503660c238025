"""Trainings of applicants."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.trainings import queries, rules
from agent_service.trainings.models import Training
from agent_service.trainings.schemas import NewTraining
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def record(
    session: AsyncSession, application_id: UUID, new: NewTraining, *, by_id: UUID
) -> None:
    """Store a training that was completed.

    Raises: NotYetHappened.
    """
    rules.check_happened(new.completed_on, now=clock.now(), field="completed_on")
    training = Training(
        id=new_id(),
        application_id=application_id,
        completed_on=new.completed_on,
        certificate_no=new.certificate_no,
        recorded_at=clock.now(),
        recorded_by=by_id,
    )
    session.add(training)
    await session.flush()


async def find_latest(session: AsyncSession, application_id: UUID) -> Training | None:
    """Return the latest training of an application."""
    return await queries.find_training(session, application_id)
