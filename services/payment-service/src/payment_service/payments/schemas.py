from datetime import datetime
from uuid import UUID

from payment_service.tariffs.rules import Payer, Programme, Sector
from perisai_kit.http.types import MonthText, Out


class PaymentOut(Out):
    """amount is whole rupiah; trx_date_time is the bank's instant, received_at ours."""

    id: UUID
    partner_id: UUID
    payment_request_id: str
    bill_id: UUID
    member_id: UUID
    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str
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

    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    display_name: str
    sector: Sector
    payer: Payer
    agent_id: UUID | None
    months: list[MonthText]
    programmes: list[ReceiptLineOut]
    amount: int
    bank_name: str
    channel_code: str | None
    bank_reference: str | None
    payment_request_id: str
    paid_at: datetime
    received_at: datetime
