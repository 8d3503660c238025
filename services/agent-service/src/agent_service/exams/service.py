"""Exams of applicants."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.exams import queries, rules
from agent_service.exams.models import Exam
from agent_service.exams.schemas import NewExam
from agent_service.trainings import rules as training_rules
from agent_service.trainings import service as trainings
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def record(session: AsyncSession, application_id: UUID, new: NewExam, *, by_id: UUID) -> None:
    """Store an exam, passed or not; the latest one counts.

    Raises: NotYetHappened, ExamBeforeTraining.
    """
    training_rules.check_happened(new.taken_on, now=clock.now(), field="taken_on")
    training = await trainings.find_latest(session, application_id)
    completed_on = training.completed_on if training else None
    rules.check_exam_date(new.taken_on, training_completed_on=completed_on)
    exam = Exam(
        id=new_id(),
        application_id=application_id,
        taken_on=new.taken_on,
        passed=new.passed,
        score=new.score,
        recorded_at=clock.now(),
        recorded_by=by_id,
    )
    session.add(exam)
    await session.flush()


async def find_latest(session: AsyncSession, application_id: UUID) -> Exam | None:
    """Return the latest exam of an application; an earlier one no longer counts."""
    return await queries.find_exam(session, application_id)
