from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from member_service.corrections.rules import CorrectionStatus, StepKind
from member_service.members.rules import Sex
from member_service.members.schemas import Occupations
from perisai_kit.domain.programmes import Payer
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import (
    Day,
    LongText,
    MemberId,
    Model,
    Out,
    PersonName,
    RecordId,
    with_example,
)


class SensitiveFacts(Model):
    """Only what is sent is to change."""

    full_name: Annotated[PersonName | SkipJsonSchema[None], Field(description="Full name.")] = None
    birth_date: Annotated[Day | SkipJsonSchema[None], Field(description="Date of birth.")] = None
    sex: Annotated[Sex | SkipJsonSchema[None], Field(description="Sex.")] = None
    phone: Annotated[Phone | SkipJsonSchema[None], Field(description="New telephone number.")] = (
        None
    )
    occupations: Occupations | SkipJsonSchema[None] = None
    payer: Annotated[
        Payer | SkipJsonSchema[None], Field(description="Who pays the contributions.")
    ] = None

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "must not be null")
        return value


class NewCorrection(Model):
    model_config = with_example(
        changes={"phone": "0812 3456 7890"}, evidence="Identity card and family card seen."
    )

    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None
    changes: Annotated[SensitiveFacts, Field(description="What the record is to say.")]
    evidence: Annotated[
        LongText | None, Field(description="What an officer has seen; required of officers.")
    ] = None


class Confirmation(Model):
    model_config = with_example(code="123456")

    code: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9]{6}$"),
        Field(description="The code sent to the member's present telephone."),
    ]


class Approval(Model):
    model_config = with_example(evidence="The member came to the office with the identity card.")

    evidence: Annotated[LongText, Field(description="What the officer has seen.")]


class Rejection(Model):
    model_config = with_example(reason="The member did not ask for it.")

    reason: Annotated[LongText, Field(description="Why, in words; kept in the history.")]


class CorrectionCodeOut(Out):
    expires_in: Annotated[int, Field(description="Seconds until the code expires.")]


class CorrectionStepOut(Out):
    kind: Annotated[StepKind, Field(description="What was done.")]
    reason: Annotated[str | None, Field(description="Evidence or reason, in words.")]
    made_by: Annotated[
        UUID | None, Field(description="Account that did it; null: the service itself.")
    ]
    made_at: Annotated[datetime, Field(description="When it was done.")]


class CorrectionOut(Out):
    """A correction with the new values. Every reading is recorded."""

    id: RecordId
    member_id: MemberId
    status: Annotated[CorrectionStatus, Field(description="Where it stands.")]
    changes: Annotated[SensitiveFacts, Field(description="What the record is to say.")]
    proposed_by: Annotated[UUID, Field(description="Account that proposed it.")]
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    expires_at: Annotated[datetime, Field(description="Until when it can be confirmed.")]
    effective_at: Annotated[
        datetime | None, Field(description="When it takes effect; null while nobody knows.")
    ]
    steps: Annotated[list[CorrectionStepOut], Field(description="The history, oldest first.")]


class CorrectionsOut(Out):
    items: Annotated[list[CorrectionOut], Field(description="The newest first.")]
