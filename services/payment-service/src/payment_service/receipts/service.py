"""Receipts of payments, one for each bill, made from the allocation and its bill."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.bills import queries as bill_queries
from payment_service.bills import service as bills
from payment_service.bills.people import describe
from payment_service.payments import service as payments
from payment_service.receipts import rules
from payment_service.receipts.schemas import ReceiptLineOut, ReceiptOut
from perisai_kit.auth.principal import Principal


async def get_receipt(
    session: AsyncSession,
    principal: Principal,
    payment_id: UUID,
    *,
    bill_id: UUID | None,
) -> ReceiptOut:
    """Return what a receipt for a bill of this payment says; by default for its only one.

    Source: docs/domain.md, Payment channels.
    Raises: PaymentNotFound, ReceiptNotFound, BillNotNamed.
    """
    payment, allocations = await payments.get(session, principal, payment_id)
    taken_back = {each.allocation.reverses for each in allocations}
    standing = {
        each.allocation.bill_id: each.allocation
        for each in allocations
        if each.is_settling and each.allocation.id not in taken_back
        if each.allocation.bill_id is not None
    }
    chosen = rules.choose_bill(standing, bill_id)
    bill = await bills.get_snapshot(session, chosen)
    lines = await bill_queries.list_lines(session, bill.id)
    partner = await banks.get(session, payment.partner_id)
    people = await describe(session, principal, [bill])
    return ReceiptOut(
        payment_id=payment.id,
        bill_id=bill.id,
        member_id=bill.member_id,
        member_name=people[bill.id].member_name,
        sector=bill.sector,
        payer=bill.payer,
        months=sorted({line.month for line in lines}),
        programmes=[ReceiptLineOut.model_validate(total) for total in rules.totals(lines)],
        amount=standing[chosen].amount,
        partner_name=partner.name,
        channel_code=payment.channel_code,
        reference_no=payment.reference_no,
        payment_request_id=payment.payment_request_id,
        paid_at=standing[chosen].counts_at,
        received_at=payment.received_at,
    )
