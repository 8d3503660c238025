from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.attributions.rules import AttributionReason
from perisai_kit.http.types import Model, MonthText, Out


class NewAttribution(Model):
    id: Annotated[UUID | None, Field(description="A UUID of the client's making.")] = None
    agent_id: Annotated[UUID | None, Field(description="Null: the branch looks after the member.")]
    from_month: Annotated[MonthText, Field(description="This month or the next.")]
    reason: AttributionReason


class AttributionOut(Out):
    id: UUID
    member_id: UUID
    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str
    from_month: MonthText
    reason: AttributionReason
    made_by: UUID
    made_at: datetime


class AttributionsOut(Out):
    """The newest first; the first one counts."""

    items: list[AttributionOut]
