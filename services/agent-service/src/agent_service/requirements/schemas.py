from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from agent_service.dates import TypedDate
from agent_service.requirements.rules import RequirementOutcome
from perisai_kit.http.types import (
    Count,
    Instant,
    Model,
    Out,
    ShortText,
    with_example,
)


class NewTraining(Model):
    model_config = with_example(completed_on="2026-10-20", certificate_no="PLT/2026/0042")

    completed_on: Annotated[
        TypedDate, Field(description="Day on which the training was completed.")
    ]
    certificate_no: Annotated[ShortText, Field(description="Number of the certificate.")]


class NewExam(Model):
    model_config = with_example(taken_on="2026-10-21", passed=True, score=86)

    taken_on: Annotated[TypedDate, Field(description="Day of the exam.")]
    passed: Annotated[StrictBool, Field(description="Whether it was passed.")]
    score: Annotated[Count | None, Field(description="As the examiner counts; no scale.")] = None


class RequirementFindingOut(Out):
    """How a requirement stands. `unknown`: nobody has answered yet; verify again."""

    requirement: Annotated[str, Field(description="Which requirement.")]
    outcome: Annotated[RequirementOutcome, Field(description="Whether it is met.")]
    reason_code: Annotated[str | None, Field(description="Why it is not met or not known.")]


class RequirementCheckOut(RequirementFindingOut):
    checked_at: Annotated[Instant, Field(description="When it was checked.")]
    checked_by: Annotated[UUID, Field(description="Account that checked it.")]


class TrainingOut(Out):
    completed_on: Annotated[date, Field(description="Day on which the training was completed.")]
    certificate_no: Annotated[str, Field(description="Number of the certificate.")]
    recorded_at: Annotated[Instant, Field(description="When it was recorded.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]


class ExamOut(Out):
    taken_on: Annotated[date, Field(description="Day of the exam.")]
    passed: Annotated[bool, Field(description="Whether it was passed.")]
    score: Annotated[int | None, Field(description="As the examiner counts; no scale.")]
    recorded_at: Annotated[Instant, Field(description="When it was recorded.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]
