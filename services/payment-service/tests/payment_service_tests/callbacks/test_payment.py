import json
from collections.abc import Awaitable, Callable
from typing import Any

from payment_service_tests.partner_bank import Bank, payment_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import AllocationKind
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.ledger import service as ledger
from payment_service.payments.models import Payment

Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def test_a_payment_is_answered_with_success_and_the_ids_as_sent(
    bank: Bank, bill: BillOut
) -> None:
    message = payment_of(bill, bank.partner)

    answer = await bank.pay(message)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "T" in answer.headers["x-timestamp"]
    body = answer.json()
    assert body["responseCode"] == "2002500"
    data = body["virtualAccountData"]
    assert data["paymentFlagStatus"] == "00"
    for name in ("partnerServiceId", "customerNo", "virtualAccountNo", "paymentRequestId"):
        assert data[name] == message[name]
    assert data["paidAmount"] == message["paidAmount"]


async def test_a_payment_settles_bill_allocation_ledger_and_event_together(
    bank: Bank, bill: BillOut, session: AsyncSession, booked: Booked, published: Published
) -> None:
    await bank.pay(payment_of(bill, bank.partner))

    (payment,) = await booked()
    assert (payment.order_id, payment.amount) == (bill.order_id, bill.amount)
    (allocation,) = await session.scalars(select(Allocation))
    assert (allocation.payment_id, allocation.kind) == (payment.id, AllocationKind.BILL)
    assert (allocation.bill_id, allocation.member_id) == (bill.id, bill.member_id)
    assert (allocation.amount, allocation.counts_at) == (payment.amount, payment.paid_at)
    paid = await session.scalar(select(Bill).where(Bill.id == bill.id))
    assert paid is not None
    assert paid.status is BillStatus.PAID
    assert await ledger.find_faults(session) == []
    events = [data for kind, data in await published(session) if kind == "payment.settled.v1"]
    assert [(event["payment_id"], event["allocation_id"]) for event in events] == [
        (str(payment.id), str(allocation.id))
    ]


async def test_the_message_is_kept_encrypted_without_token_and_signature(
    bank: Bank, bill: BillOut, session: AsyncSession, kept: Kept, booked: Booked
) -> None:
    await bank.pay(payment_of(bill, bank.partner))

    (callback,) = await kept()
    (payment,) = await booked()
    assert callback.verdict is CallbackOutcome.SETTLED
    assert callback.payment_id == payment.id
    assert callback.body == bank.last_body
    assert json.loads(callback.answer)["responseCode"] == "2002500"
    assert bank.token not in json.dumps(callback.headers)
    assert len(callback.headers["authorization-sha256"]) == 64
    assert len(callback.headers["x-signature-sha256"]) == 64
    assert "authorization" not in callback.headers
