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
    with_example,
)

EXAMPLE: dict[str, Any] = {
    "id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
    "nik": "3510111203900001",
    "full_name": "Slamet Riyadi",
    "birth_date": "1990-03-12",
    "place_of_birth": "Banyuwangi",
    "sex": "male",
    "phone": "0812 3456 7890",
    "address": {"street": "Jalan Ikan 3", "village": "Kalibaru", "district": "Kalibaru"},
    "occupations": ["fisher"],
    "declared_income": 1_000_000,
    "programmes": ["jkk", "jkm", "jht"],
    "new_to_bpu": True,
    "new_to_bpu_basis": "member_statement",
    "work_declaration": {"working": True, "declared_on": "2026-11-03"},
    "consent": {"purpose_version": "2026-1", "given_at": "2026-11-03T09:00:00+07:00"},
}


class NewMember(MemberFacts):
    """A worker to be enrolled."""

    model_config = with_example(**EXAMPLE)

    id: Annotated[
        UUID | None, Field(description="A UUID that the client makes; in a batch it must be sent.")
    ] = None
    work_declaration: Annotated[StatedWork, Field(description="That the person works.")]
    consent: Annotated[Consent, Field(description="That the person agreed to the use of the data.")]


class BatchRow(NewMember):
    id: RecordId


class NewEnrolmentBatch(Model):
    """Each row gets its own verdict; a wrong row does not affect others."""

    model_config = with_example(batch_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a22", rows=[EXAMPLE])

    batch_id: Annotated[UUID, Field(description="A UUID that the client makes.")]
    rows: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_ROWS, description="Each as for one member."),
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
    code: Annotated[str, Field(description="Stable code of the fault.")]
    detail: Annotated[str, Field(description="The fault in words.")]


class RowVerdict(Out):
    row: Annotated[Count, Field(description="The row's place in the batch, from 0.")]
    id: RecordId | None
    status: Annotated[RowStatus, Field(description="What became of the row.")]
    code: Annotated[str | None, Field(description="Why it was not accepted.")]
    errors: Annotated[list[RowError], Field(description="Every fault of the row.")]
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
    model_config = with_example(
        batch_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7ab1",
        received_at="2026-11-03T01:12:00Z",
        accepted=1,
        refused=1,
        duplicate=0,
        rows=[
            {
                "row": 0,
                "id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
                "status": "accepted",
                "code": None,
                "errors": [],
                "member_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
                "may_repeat": False,
            },
            {
                "row": 1,
                "id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a22",
                "status": "refused",
                "code": "invalid",
                "errors": [
                    {
                        "pointer": "/rows/1/phone",
                        "code": "phone",
                        "detail": "must be a telephone number such as 0812 3456 7890",
                    }
                ],
                "member_id": None,
                "may_repeat": False,
            },
        ],
    )

    batch_id: BatchId
    received_at: Annotated[datetime, Field(description="When the batch arrived first.")]
    accepted: Annotated[Count, Field(description="Rows that became members.")]
    refused: Annotated[Count, Field(description="Rows with a fault.")]
    duplicate: Annotated[Count, Field(description="Rows of people who are members already.")]
    rows: Annotated[list[RowVerdict], Field(description="The verdicts, in the order of the rows.")]
