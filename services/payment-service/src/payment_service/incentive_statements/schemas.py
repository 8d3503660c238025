from datetime import datetime
from typing import Annotated

from pydantic import Field

from payment_service.commissions.rules import CommissionRule
from payment_service.counting.rules import BeneficiaryKind
from payment_service.months.rules import MonthState
from payment_service.months.schemas import PARTS_OF_A_RUPIAH
from perisai_kit.http.types import (
    AgentId,
    AttributionId,
    BeneficiaryId,
    BranchCode,
    MemberId,
    MonthText,
    Out,
    PaymentId,
    RecordId,
    RegionCode,
    SchemeId,
    WadahId,
)


class EarnedOut(Out):
    """brought + the three rules = amount x 10,000 + carried: a rest is carried, never lost."""

    line_count: int
    contribution_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    acquisition_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    override_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    brought_parts: int = Field(description=f"The rest of earlier months. {PARTS_OF_A_RUPIAH}")
    amount: int = Field(description="Whole rupiah.")
    carried_parts: int = Field(description=f"The rest for the next month. {PARTS_OF_A_RUPIAH}")


class IncentiveStatementOut(EarnedOut):
    id: RecordId
    month: MonthText
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: BeneficiaryId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    total_parts: int = Field(description=f"Everything since the beginning. {PARTS_OF_A_RUPIAH}")
    issued_at: datetime


class CommissionLineOut(Out):
    """Why: parts = base x rate_bps. The contribution's fields are empty for an acquisition."""

    id: int
    earned_month: MonthText
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: BeneficiaryId
    rule: CommissionRule
    base: int = Field(description="Whole rupiah: the contribution paid, or the sum agreed.")
    rate_bps: int = Field(description="Basis points of the base.")
    parts: int = Field(description=PARTS_OF_A_RUPIAH)
    contribution_month: MonthText | None
    programme: str | None
    month_index: int | None = Field(description="Which month of the member with agents, from 1.")
    agent_id: AgentId
    member_id: MemberId
    payment_id: PaymentId
    attribution_id: AttributionId
    scheme_id: SchemeId
    recorded_at: Annotated[datetime, Field(description="When it was recorded.")]


class SchemeApplied(Out):
    id: RecordId
    name: str
    first_month: MonthText


class CommissionPreviewOut(EarnedOut):
    """What a statement would say if the month were closed now."""

    month: MonthText
    state: MonthState
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: BeneficiaryId
    scheme: SchemeApplied | None
    new_members: int | None = Field(
        default=None, description="Of an agent, counted as the scheme counts."
    )
    threshold: int | None = Field(default=None, description="From how many on they earn.")
    waiting_payments: int | None = Field(
        default=None, description="Of an agent, in any month; not counted yet."
    )
