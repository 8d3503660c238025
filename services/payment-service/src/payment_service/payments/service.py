"""Book what a bank reports, once, and show it to those it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.bills import rules as bill_rules
from payment_service.bills import service as bills
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.rules import BillNotFound, BillStatus
from payment_service.ledger import service as ledger
from payment_service.paging import uuid_of
from payment_service.payments import queries, rules
from payment_service.payments.models import Payment
from payment_service.payments.rules import Notice, PaymentNotFound, PaymentRequestReused
from payment_service.payments.schemas import PaymentOut, ReceiptLineOut, ReceiptOut
from payment_service.visibility import visible
from perisai_kit import clock
from perisai_kit.auth import Principal
from perisai_kit.events import PaymentSettled, SettledLine
from perisai_kit.feed import publish
from perisai_kit.fields import Page, encode_cursor
from perisai_kit.ids import new_id
from perisai_kit.month import span
from perisai_kit.pii import mask_name


@dataclass(frozen=True, slots=True)
class Settlement:
    """A payment that stands in the books; is_new: this very call has booked it."""

    payment: Payment
    is_new: bool


async def settle(session: AsyncSession, notice: Notice) -> Settlement:
    """Book a payment: the bill, the payment, the ledger and the event, all or nothing.

    The bill is locked first, so of two notices at once the second sees what the first booked.
    Every refusal comes before the first write, so the caller may record it in this transaction.
    A repeat with the same content returns the payment that is already booked.
    Raises: BillNotFound, BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready,
    AmountMismatch, PaymentRequestReused.
    """
    bill = (await bills.lock_for_payment(session, [notice.bill_id])).get(notice.bill_id)
    if bill is None:
        raise BillNotFound
    if bill.status is not BillStatus.OPEN:
        first = await _find_first(session, notice)
        if first is not None:
            return Settlement(first, is_new=False)
    bill_rules.check_payable(
        bill.status,
        due=bill.amount,
        paid=notice.amount,
        expires_at=bill.expires_at,
        paid_at=notice.trx_date_time,
    )
    payment = _payment(notice, bill)
    if not await queries.insert_once_payment(session, payment):
        raise PaymentRequestReused
    await _book(session, payment, bill)
    return Settlement(payment, is_new=True)


async def get(session: AsyncSession, principal: Principal, payment_id: UUID) -> Payment:
    """Return a payment the subject may see.

    Raises: PaymentNotFound.
    """
    payment = await queries.find_payment(session, payment_id, visible(principal, Payment))
    if payment is None:
        raise PaymentNotFound
    return payment


async def list_payments(
    session: AsyncSession,
    principal: Principal,
    *,
    member_id: UUID | None,
    bill_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[PaymentOut]:
    """Return the payments the subject may see, the latest first.

    Raises: CursorInvalid.
    """
    rows = await queries.list_payments(
        session,
        visible(principal, Payment),
        member_id=member_id,
        bill_id=bill_id,
        before_id=uuid_of(cursor),
        limit=limit + 1,
    )
    items = [PaymentOut.model_validate(row) for row in rows[:limit]]
    more = encode_cursor(str(items[-1].id)) if len(rows) > limit else None
    return Page(items=items, next_cursor=more)


async def receipt(session: AsyncSession, principal: Principal, payment_id: UUID) -> ReceiptOut:
    """Return what a receipt for this payment says. Source: docs/domain.md, Payment channels.

    Raises: PaymentNotFound.
    """
    payment = await get(session, principal, payment_id)
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
        agent_id=bill.agent_id,
        months=list(span(bill.first_month, bill.month_count)),
        programmes=[ReceiptLineOut.model_validate(total) for total in rules.totals(lines)],
        amount=payment.amount,
        bank_name=partner.name,
        channel_code=payment.channel_code,
        bank_reference=payment.reference_no,
        payment_request_id=payment.payment_request_id,
        paid_at=payment.trx_date_time,
        received_at=payment.received_at,
    )


async def _find_first(session: AsyncSession, notice: Notice) -> Payment | None:
    first = await queries.find_payment_by_request(
        session, partner_id=notice.partner_id, payment_request_id=notice.payment_request_id
    )
    if first is not None and not rules.is_same(notice, bill_id=first.bill_id, amount=first.amount):
        raise PaymentRequestReused
    return first


async def _book(session: AsyncSession, payment: Payment, bill: Bill) -> None:
    await bills.pay(session, bill, amount=payment.amount, paid_at=payment.trx_date_time)
    lines = await bills.lines_of(session, bill.id)
    transfers = rules.transfers(
        payment_id=payment.id,
        partner_id=payment.partner_id,
        business_on=clock.jakarta_date(payment.trx_date_time),
        lines=lines,
    )
    await ledger.transfer_all(session, transfers)
    await publish(session, _settled(payment, bill, lines))


def _payment(notice: Notice, bill: Bill) -> Payment:
    return Payment(
        id=new_id(),
        partner_id=notice.partner_id,
        payment_request_id=notice.payment_request_id,
        bill_id=bill.id,
        amount=notice.amount,
        trx_date_time=notice.trx_date_time,
        received_at=notice.received_at,
        channel_code=notice.channel_code,
        reference_no=notice.reference_no,
        member_id=bill.member_id,
        agent_id=bill.agent_id,
        wadah_id=bill.wadah_id,
        branch_code=bill.branch_code,
        region_code=bill.region_code,
        first_month=bill.first_month,
        month_count=bill.month_count,
    )


def _settled(payment: Payment, bill: Bill, lines: Sequence[BillLine]) -> PaymentSettled:
    return PaymentSettled(
        payment_id=payment.id,
        bill_id=bill.id,
        member_id=bill.member_id,
        partner_id=payment.partner_id,
        amount=payment.amount,
        paid_at=payment.trx_date_time,
        received_at=payment.received_at,
        attribution_id=bill.attribution_id,
        agent_id=bill.agent_id,
        wadah_id=bill.wadah_id,
        payer=bill.payer.value,
        lines=tuple(
            SettledLine(
                month=line.month,
                programme=line.programme.value,
                amount=line.amount,
                relief=line.relief_amount,
            )
            for line in lines
        ),
    )
