from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from agent_service.dates import TypedDate
from agent_service.requirements.rules import RequirementOutcome
from perisai_kit.http.types import Count, Instant, Model, Out, ShortText


class NewTraining(Model):
    completed_on: TypedDate
    certificate_no: ShortText


class NewExam(Model):
    taken_on: TypedDate
    passed: StrictBool
    score: Annotated[Count | None, Field(description="As the examiner counts; no scale.")] = None


class RequirementFindingOut(Out):
    """How a requirement stands. `unknown`: nobody has answered yet; verify again."""

    requirement: str
    outcome: RequirementOutcome
    reason_code: str | None


class RequirementCheckOut(RequirementFindingOut):
    checked_at: Instant
    checked_by: UUID


class TrainingOut(Out):
    completed_on: date
    certificate_no: str
    recorded_at: Instant
    recorded_by: UUID


class ExamOut(Out):
    taken_on: date
    passed: bool
    score: int | None
    recorded_at: Instant
    recorded_by: UUID
