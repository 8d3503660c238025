from datetime import datetime

from pydantic import Field

from payment_service.bills.rules import BillStatus, CancellationReason
from payment_service.tariffs.rules import Payer, Programme, Sector
from perisai_kit.http.types import (
    AgentId,
    AttributionId,
    BranchCode,
    MemberId,
    Model,
    MonthText,
    Out,
    PartnerId,
    RecordId,
    RegionCode,
    WadahId,
)


class NewBill(Model):
    member_id: MemberId
    first_month: MonthText
    month_count: int = Field(ge=1, le=12, strict=True)


class BillCancellation(Model):
    reason: CancellationReason


class BillLineOut(Out):
    """amount = full_amount - relief_amount, all whole rupiah."""

    month: MonthText
    programme: Programme
    band: int
    reference_income: int
    full_amount: int
    relief_bps: int
    relief_amount: int
    relief_basis: str | None
    amount: int


class VirtualAccountOut(Out):
    """`number` is what the payer types at this bank."""

    partner_id: PartnerId
    partner_name: str
    company_code: str
    customer_no: str
    number: str


class BillSummary(Out):
    """Amounts in whole rupiah; the name is masked."""

    id: RecordId
    member_id: MemberId
    display_name: str
    status: BillStatus
    first_month: MonthText
    month_count: int
    amount: int
    relief_amount: int
    sector: Sector
    payer: Payer
    declared_income: int
    agent_id: AgentId | None
    wadah_id: WadahId | None
    attribution_id: AttributionId | None
    branch_code: BranchCode
    region_code: RegionCode
    issued_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    cancelled_at: datetime | None
    cancellation_reason: CancellationReason | None


class BillOut(BillSummary):
    lines: list[BillLineOut]
    virtual_accounts: list[VirtualAccountOut]
