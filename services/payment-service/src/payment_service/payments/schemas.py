from datetime import datetime

from payment_service.tariffs.rules import Payer, Programme, Sector
from perisai_kit.http.types import (
    AgentId,
    BillId,
    BranchCode,
    MemberId,
    MonthText,
    Out,
    PartnerId,
    PaymentId,
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


class ReceiptLineOut(Out):
    """All months of one programme together, in whole rupiah; amount is what was paid."""

    programme: Programme
    full_amount: int
    relief_amount: int
    amount: int
    relief_basis: list[str]


class ReceiptOut(Out):
    """Proof that contributions were received; the name is masked."""

    payment_id: PaymentId
    bill_id: BillId
    member_id: MemberId
    display_name: str
    sector: Sector
    payer: Payer
    agent_id: AgentId | None
    months: list[MonthText]
    programmes: list[ReceiptLineOut]
    amount: int
    bank_name: str
    channel_code: str | None
    bank_reference: str | None
    payment_request_id: str
    paid_at: datetime
    received_at: datetime
