from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from perisai_kit.http.types import Day, Instant, Model, Out, ShortText, with_example


class NewTraining(Model):
    model_config = with_example(completed_on="2026-10-20", certificate_no="PLT/2026/0042")

    completed_on: Annotated[Day, Field(description="Day on which the training was completed.")]
    certificate_no: Annotated[ShortText, Field(description="Number of the certificate.")]


class TrainingOut(Out):
    completed_on: Annotated[date, Field(description="Day on which the training was completed.")]
    certificate_no: Annotated[str, Field(description="Number of the certificate.")]
    recorded_at: Annotated[Instant, Field(description="When it was recorded.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]
