from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.http.types import Day, Instant, Model, Out, RecordId, ShortText, with_example


class NewAgreement(Model):
    model_config = with_example(number="PKS/2026/001", starts_on="2026-01-01", ends_on="2026-12-31")

    number: Annotated[ShortText, Field(description="Number of the agreement (PKS).")]
    starts_on: Annotated[Day, Field(description="First day it is valid.")]
    ends_on: Annotated[Day, Field(description="Last day it is valid.")]
    pays: Annotated[
        PaymentMethod | None,
        Field(
            description="Who is paid the agents' incentives: the wadah, or each agent. Left out: "
            "as the commission scheme says."
        ),
    ] = None


class AgreementOut(Out):
    id: RecordId
    number: Annotated[str, Field(description="Number of the agreement (PKS).")]
    starts_on: Annotated[date, Field(description="First day it is valid.")]
    ends_on: Annotated[date, Field(description="Last day it is valid.")]
    pays: Annotated[
        PaymentMethod | None,
        Field(description="Who is paid the agents' incentives; null: as the scheme says."),
    ]
    recorded_at: Annotated[Instant, Field(description="When it was recorded.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]
