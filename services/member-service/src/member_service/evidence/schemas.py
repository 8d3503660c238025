from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from member_service.members.rules import NewToBpuBasis
from perisai_kit.http.types import MemberId, Model, Out, RecordId, with_example

NewToBpu = Annotated[StrictBool, Field(description="Never before registered in the BPU segment.")]


class NewEvidence(Model):
    """Evidence on whether the person was registered as BPU before."""

    model_config = with_example(new_to_bpu=False)

    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None
    new_to_bpu: NewToBpu
    basis: Annotated[
        NewToBpuBasis | None, Field(description="Source of the evidence; needed for `new_to_bpu`.")
    ] = None


class EvidenceOut(Out):
    """Evidence on whether the person was registered as BPU before."""

    id: RecordId
    member_id: Annotated[MemberId, Field(description="The member.")]
    new_to_bpu: Annotated[bool, Field(description="Never before registered in the BPU segment.")]
    basis: Annotated[NewToBpuBasis | None, Field(description="Source of the evidence.")]
    recorded_by: Annotated[UUID, Field(description="Account that recorded it.")]
    recorded_at: Annotated[datetime, Field(description="When it was recorded.")]


class EvidenceListOut(Out):
    """The evidence on a member; the latest decides."""

    items: Annotated[list[EvidenceOut], Field(description="The oldest first.")]
