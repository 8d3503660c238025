"""Receipts of payments, made from the payment and its bill."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.bills import service as bills
from payment_service.payments import service as payments
from payment_service.receipts import rules
from payment_service.receipts.schemas import ReceiptLineOut, ReceiptOut
from perisai_kit.auth.principal import Principal
from perisai_kit.privacy.masks import mask_name


async def get_receipt(session: AsyncSession, principal: Principal, payment_id: UUID) -> ReceiptOut:
    """Return what a receipt for this payment says. Source: docs/domain.md, Payment channels.

    Raises: PaymentNotFound.
    """
    payment = await payments.get(session, principal, payment_id)
    bill = await bills.get_snapshot(session, payment.bill_id)
    lines = await bills.lines_of(session, bill.id)
    partner = await banks.get(session, payment.partner_id)
    return ReceiptOut(
        payment_id=payment.id,
        bill_id=bill.id,
        member_id=bill.member_id,
        display_name=mask_name(bill.display_name),
        sector=bill.sector,
        payer=bill.payer,
        months=sorted({line.month for line in lines}),
        programmes=[ReceiptLineOut.model_validate(total) for total in rules.totals(lines)],
        amount=payment.amount,
        bank_name=partner.name,
        channel_code=payment.channel_code,
        bank_reference=payment.reference_no,
        payment_request_id=payment.payment_request_id,
        paid_at=payment.paid_at,
        received_at=payment.received_at,
    )
