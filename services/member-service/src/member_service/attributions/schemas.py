from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.attributions.rules import AttributionReason
from perisai_kit.http.types import (
    AgentId,
    BranchCode,
    MemberId,
    Model,
    MonthText,
    Out,
    RecordId,
    RegionCode,
    WadahId,
)


class NewAttribution(Model):
    id: Annotated[UUID | None, Field(description="A UUID of the client's making.")] = None
    agent_id: Annotated[UUID | None, Field(description="Null: the branch looks after the member.")]
    from_month: Annotated[MonthText, Field(description="This month or the next.")]
    reason: AttributionReason


class AttributionOut(Out):
    id: RecordId
    member_id: MemberId
    agent_id: AgentId | None
    wadah_id: WadahId | None
    branch_code: BranchCode
    region_code: RegionCode
    from_month: MonthText
    reason: AttributionReason
    made_by: UUID
    made_at: datetime


class AttributionsOut(Out):
    """The newest first; the first one counts."""

    items: list[AttributionOut]
