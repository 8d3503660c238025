from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from perisai_kit.http.types import Count, Day, Instant, Model, Out, with_example


class NewExam(Model):
    model_config = with_example(taken_on="2026-10-21", passed=True, score=86)

    taken_on: Annotated[Day, Field(description="Day of the exam.")]
    passed: Annotated[StrictBool, Field(description="Whether it was passed.")]
    score: Annotated[Count | None, Field(description="As the examiner counts; no scale.")] = None


class ExamOut(Out):
    taken_on: Annotated[date, Field(description="Day of the exam.")]
    passed: Annotated[bool, Field(description="Whether it was passed.")]
    score: Annotated[int | None, Field(description="As the examiner counts; no scale.")]
    recorded_at: Annotated[Instant, Field(description="When it was recorded.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]
