from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.exams import service as exams
from agent_service.exams.models import Exam
from agent_service.requirements import queries, rules
from agent_service.requirements.models import Check
from agent_service.requirements.rules import (
    Facts,
    Finding,
    Requirement,
    RequirementOutcome,
)
from agent_service.trainings import service as trainings
from agent_service.trainings.models import Training
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


@dataclass(frozen=True, slots=True)
class Evidence:
    """Recorded evidence. checks: the latest first. training, exam: the latest."""

    checks: Sequence[Check]
    training: Training | None
    exam: Exam | None


async def record(
    session: AsyncSession, application_id: UUID, findings: Iterable[Finding], *, by_id: UUID
) -> None:
    """Store the outcomes of checks with their time; earlier ones are kept."""
    checks = [
        Check(
            id=new_id(),
            application_id=application_id,
            requirement=finding.requirement,
            outcome=finding.outcome,
            reason_code=finding.reason_code,
            checked_at=clock.now(),
            checked_by=by_id,
        )
        for finding in findings
    ]
    session.add_all(checks)
    await session.flush()


async def judge(
    session: AsyncSession, application_id: UUID, facts: Facts, *, minimum_age: int
) -> tuple[Finding, ...]:
    """Judge, as of today, every requirement that needs no other service."""
    training = await trainings.find_latest(session, application_id)
    exam = await exams.find_latest(session, application_id)
    return rules.judge_local(
        facts,
        trained=training is not None,
        exam_passed=exam.passed if exam else None,
        today=clock.today(),
        minimum_age=minimum_age,
    )


async def list_findings(
    session: AsyncSession,
    application_id: UUID,
    *,
    required: Sequence[str],
    fresh: Iterable[Finding] = (),
) -> tuple[Finding, ...]:
    """Return the finding on each requirement: the fresh one, else the latest stored one."""
    checks = await queries.list_deciding(session, application_id)
    stored = [Finding(each.requirement, each.outcome, each.reason_code) for each in checks]
    return rules.select_configured(required, (*stored, *fresh))


async def check_approval(
    session: AsyncSession,
    application_id: UUID,
    *,
    required: Sequence[str],
    fresh: Iterable[Finding],
    by: UUID,
) -> None:
    """Check that all requirements are met, on evidence that others than the approver recorded.

    Raises: RequirementsUnmet, ApproverRecordedEvidence.
    """
    rules.check_requirements(
        await list_findings(session, application_id, required=required, fresh=fresh)
    )
    recorded_by = {each.checked_by for each in await queries.list_deciding(session, application_id)}
    for latest in (
        await trainings.find_latest(session, application_id),
        await exams.find_latest(session, application_id),
    ):
        if latest is not None:
            recorded_by.add(latest.recorded_by)
    rules.check_approver(by, recorded_by=recorded_by)


async def find_met_at(
    session: AsyncSession, application_id: UUID, requirement: Requirement
) -> datetime | None:
    """Return when a requirement was found met by the check that counts; None if it is not."""
    for check in await queries.list_deciding(session, application_id):
        if check.requirement == requirement.value and check.outcome is RequirementOutcome.MET:
            return check.checked_at
    return None


async def load_evidence(session: AsyncSession, application_id: UUID) -> Evidence:
    """Return the recorded evidence for an application's requirements."""
    return Evidence(
        checks=await queries.list_checks(session, application_id),
        training=await trainings.find_latest(session, application_id),
        exam=await exams.find_latest(session, application_id),
    )


async def check_verification_count(
    session: AsyncSession, application_id: UUID, *, since: datetime, limit: int
) -> None:
    """Check that there were fewer than `limit` verifications. Raises: TooManyVerifications."""
    count = await queries.count_verifications(session, application_id, since=since)
    rules.check_verification_count(count, limit=limit)
