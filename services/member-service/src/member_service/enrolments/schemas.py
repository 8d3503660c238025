from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, WithJsonSchema

from member_service.consents.schemas import Consent
from member_service.declarations.schemas import StatedWork
from member_service.enrolments.rules import MAX_ROWS, RowStatus
from member_service.members.schemas import MemberFacts
from perisai_kit.http.types import (
    BatchId,
    Count,
    MemberId,
    Model,
    Out,
    RecordId,
)


class NewMember(MemberFacts):
    id: Annotated[
        UUID | None, Field(description="A UUID of the client's making; in a batch it must be sent.")
    ] = None
    work_declaration: StatedWork
    consent: Consent


class BatchRow(NewMember):
    id: RecordId


class NewEnrolmentBatch(Model):
    """The rows are judged one by one: a wrong one gets its verdict and harms no other."""

    batch_id: Annotated[UUID, Field(description="A UUID of the client's making.")]
    rows: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_ROWS),
        WithJsonSchema(
            {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_ROWS,
                "items": {"$ref": "#/components/schemas/NewMember"},
            }
        ),
    ]


class RowError(Out):
    pointer: Annotated[str, Field(description="RFC 6901 pointer into the batch.")]
    code: str
    detail: str


class RowVerdict(Out):
    row: Annotated[Count, Field(description="The row's place in the batch, from 0.")]
    id: RecordId | None
    status: RowStatus
    code: str | None
    errors: list[RowError]
    member_id: MemberId | None
    may_repeat: Annotated[
        bool,
        Field(
            description=(
                "Refused only because a date is not there yet: send the row again later, with the "
                "same id, in a new batch."
            )
        ),
    ]


class EnrolmentBatchOut(Out):
    batch_id: BatchId
    received_at: datetime
    accepted: Count
    refused: Count
    duplicate: Count
    rows: list[RowVerdict]
