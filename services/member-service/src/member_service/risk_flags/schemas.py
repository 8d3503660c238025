from datetime import datetime
from typing import Annotated

from pydantic import Field

from member_service.risk_flags.rules import RiskFlag
from perisai_kit.http.types import (
    AgentId,
    AllocationId,
    BranchCode,
    MemberId,
    MonthText,
    Out,
    RecordId,
    RegionCode,
)


class RiskFlagsOut(Out):
    """Marks for possible fraud; nothing is refused because of them."""

    items: Annotated[list[RiskFlag], Field(description="What is striking about the member.")]


class RaisedFlagOut(Out):
    """A mark for possible fraud on an acquisition."""

    id: RecordId
    flag: Annotated[RiskFlag, Field(description="What is striking.")]
    member_id: MemberId
    allocation_id: AllocationId
    agent_id: AgentId
    branch_code: BranchCode
    region_code: RegionCode
    month: Annotated[MonthText, Field(description="The month in which the acquisition counts.")]
    counts_at: Annotated[datetime, Field(description="From when the payment counts.")]
    flagged_at: Annotated[datetime, Field(description="When it was found.")]
