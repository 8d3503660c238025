from datetime import datetime

from perisai_kit.http.types import (
    AgentId,
    BillId,
    BranchCode,
    MemberId,
    MonthText,
    Out,
    PartnerId,
    RecordId,
    RegionCode,
    WadahId,
)


class PaymentOut(Out):
    """amount is whole rupiah; trx_date_time is the bank's instant, received_at ours."""

    id: RecordId
    partner_id: PartnerId
    payment_request_id: str
    bill_id: BillId
    member_id: MemberId
    agent_id: AgentId | None
    wadah_id: WadahId | None
    branch_code: BranchCode
    region_code: RegionCode
    first_month: MonthText
    month_count: int
    amount: int
    trx_date_time: datetime
    received_at: datetime
    channel_code: str | None
    reference_no: str | None
