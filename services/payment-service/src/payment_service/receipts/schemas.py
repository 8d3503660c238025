from datetime import datetime

from payment_service.tariffs.rules import Payer, Programme, Sector
from perisai_kit.http.types import AgentId, BillId, MemberId, MonthText, Out, PaymentId


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
