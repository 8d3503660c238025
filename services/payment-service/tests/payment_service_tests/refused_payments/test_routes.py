"""Refused payments over all banks: what was offered for which order, and whether it is solved."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.conftest import MakeBank, MakeBasis
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.bills.schemas import BillOut
from payment_service.orders.models import Order
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.testing.plugin import BusinessTime, Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
ListRefused = Callable[..., Awaitable[list[dict[str, Any]]]]
TOO_MUCH = 99_000
_MOVE = """
    UPDATE bills SET status = CAST(:status AS text), withdrawn_at = now(), replaced_by = id,
        void_reason = 'wrong_data',
        paid_at = CASE CAST(:status AS text) WHEN 'paid' THEN now() END
    WHERE id = :id
"""


@pytest.fixture
def list_refused(client: httpx.AsyncClient, tokens: Tokens) -> ListRefused:
    async def list_(**query: Any) -> list[dict[str, Any]]:
        headers = tokens.make(Role.FINANCE_OFFICER, scope={"kind": "country"})
        answer = await client.get("/v1/refused-payments", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    return list_


async def refuse(bank: Bank, bill: BillOut, **changes: Any) -> str:
    """Offer a wrong amount; return the code of the refusal."""
    message = payment_of(bill, bank.partner, amount=TOO_MUCH, **changes)
    code: str = (await bank.pay(message)).json()["responseCode"]
    return code


async def test_a_refused_payment_says_what_was_offered_for_which_order(
    list_refused: ListRefused, bank: Bank, bill: BillOut
) -> None:
    assert await refuse(bank, bill, paymentRequestId="wrong-1") == "4042513"

    (refused,) = await list_refused()

    assert (refused["offered_amount"], refused["expected_amount"]) == (TOO_MUCH, bill.amount)
    assert (refused["partner_id"], refused["partner_name"]) == (str(bank.partner.id), "Bank Uji")
    assert (refused["payment_request_id"], refused["response_code"]) == ("wrong-1", "4042513")
    assert (refused["order_id"], refused["status"]) == (str(bill.order_id), "open")
    assert refused["business_on"] == str(jakarta_date(clock.now()))
    assert refused["bills"] == [
        {
            "id": str(bill.id),
            "member_id": str(bill.member_id),
            "member_name": "S*** A***",
            "status": "open",
        }
    ]


async def test_only_refused_payments_are_listed(
    list_refused: ListRefused, bank: Bank, bill: BillOut
) -> None:
    message = payment_of(bill, bank.partner, amount=TOO_MUCH)
    await bank.pay(message)
    await bank.pay(message)  # an exact repeat
    await bank.send("/transfer-va/payment", b"{}{}")  # not readable
    await bank.inquire(inquiry_of(bill, bank.partner, customerNo="x"))
    good = payment_of(bill, bank.partner)
    assert (await bank.pay(good)).status_code == 200
    await bank.pay(good)

    assert [each["response_code"] for each in await list_refused()] == ["4042513"]


TURNED_BACK: dict[str, dict[str, Any]] = {
    "4042512": {"customerNo": "9" * 18, "virtualAccountNo": "   88001" + "9" * 18},
    "4042511": {"virtualAccountNo": "   88001123"},
    "4042516": {"partnerServiceId": "   77777"},
    "4042518": {"trxId": "another"},
    "4002501": {"trxDateTime": "yesterday"},
    "4092500": {"paymentRequestId": "another"},
}


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("code", TURNED_BACK)
async def test_every_signed_payment_that_was_not_taken_is_listed_with_what_was_sent(
    *,
    list_refused: ListRefused,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    code: str,
    keeps: bool,
) -> None:
    bank, bill = await make_bank(keeps_refused_money=keeps), await issue_bill(session)
    usual = payment_of(bill, bank.partner, paymentRequestId="first")
    if code in ("4042518", "4092500"):
        await bank.pay(usual, number="17")
    sent = {**usual, **TURNED_BACK[code]}

    answer = await bank.pay(sent, number="17" if code == "4092500" else None)

    assert answer.json()["responseCode"] == code
    (refused,) = await list_refused()
    shown = (refused["partner_service_id"], refused["customer_no"], refused["virtual_account_no"])
    assert shown == (sent["partnerServiceId"], sent["customerNo"], sent["virtualAccountNo"])
    assert (refused["payment_request_id"], refused["response_code"]) == (
        sent["paymentRequestId"],
        code,
    )
    assert (refused["offered_amount"], refused["is_held"]) == (bill.amount, keeps)
    assert refused["status"] == ("open" if keeps else "solved")
    assert len(await list_refused(status=refused["status"])) == 1
    has_order = code in ("4042518", "4092500")
    assert refused["order_id"] == (str(bill.order_id) if has_order else None)


async def test_money_at_a_bank_that_keeps_it_is_open_until_the_bank_sends_it_put_right(
    list_refused: ListRefused, make_bank: MakeBank, issue_bill: IssueBill, session: AsyncSession
) -> None:
    bank, bill = await make_bank(keeps_refused_money=True), await issue_bill(session)
    good = payment_of(bill, bank.partner, paymentRequestId="one")
    await bank.pay({**good, "trxDateTime": "yesterday"})
    assert [each["status"] for each in await list_refused()] == ["open"]

    await bank.pay(good)

    assert [each["status"] for each in await list_refused(status="solved")] == ["solved"]
    assert await list_refused(status="open") == []


async def test_money_that_a_bank_keeps_is_open_until_its_order_is_paid(
    list_refused: ListRefused,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    session: AsyncSession,
) -> None:
    bank, basis = await make_bank(keeps_refused_money=True), make_basis()
    first = await issue_bill(session, basis=basis)
    await bank.pay(payment_of(first, bank.partner, paymentRequestId="one", amount=1), number="17")
    await bank.pay(payment_of(first, bank.partner, paymentRequestId="two"), number="17")
    await bank.pay(payment_of(first, bank.partner, paymentRequestId="three", amount=2))
    assert [each["response_code"] for each in await list_refused(status="open")] == ["4092500"]

    second = await issue_bill(session, basis=basis)
    await bank.pay(payment_of(second, bank.partner, paymentRequestId="one"), number="18")
    await session.commit()

    codes = [(each["response_code"], each["status"]) for each in await list_refused()]
    assert codes == [("4042518", "open"), ("4092500", "open")]
    await bank.pay(payment_of(second, bank.partner, paymentRequestId="four"))
    codes = [(each["response_code"], each["status"]) for each in await list_refused()]
    assert codes == [("4042518", "solved"), ("4092500", "open")]


async def test_a_payment_of_nothing_is_no_money_that_a_bank_holds(
    list_refused: ListRefused, make_bank: MakeBank, issue_bill: IssueBill, session: AsyncSession
) -> None:
    bank, bill = await make_bank(keeps_refused_money=True), await issue_bill(session)
    await bank.pay(payment_of(bill, bank.partner, amount=0, customerNo="9" * 18))

    (refused,) = await list_refused()

    assert (refused["is_held"], refused["status"]) == (False, "solved")


async def test_it_is_solved_once_the_order_is_paid(
    list_refused: ListRefused, bank: Bank, bill: BillOut
) -> None:
    await refuse(bank, bill)
    assert [each["status"] for each in await list_refused(status="open")] == ["open"]

    assert (await bank.pay(payment_of(bill, bank.partner))).status_code == 200

    assert [each["status"] for each in await list_refused(status="solved")] == ["solved"]
    assert await list_refused(status="open") == []


async def test_it_is_solved_once_the_member_has_a_later_bill(
    list_refused: ListRefused,
    bank: Bank,
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    business_time: BusinessTime,
) -> None:
    now = clock.now()
    business_time.at(now)
    basis = make_basis()
    first = await issue_bill(session, basis=basis)
    business_time.at(first.expires_at + timedelta(hours=30))
    await bills.end_overdue(session, late_notice_h=24, limit=10)
    assert await refuse(bank, first) == "4042519"
    (refused,) = await list_refused(status="open")
    assert refused["bills"][0]["status"] == "ended"

    await issue_bill(session, basis=basis, first_month=first.first_month)
    await session.commit()

    (refused,) = await list_refused(status="solved")
    assert (refused["bills"][0]["status"], await list_refused(status="open")) == ("ended", [])


async def test_a_payment_for_an_unknown_account_has_no_order_and_is_nobodys_task(
    list_refused: ListRefused, bank: Bank, bill: BillOut
) -> None:
    message = payment_of(bill, bank.partner)
    unknown = f"{int(message['customerNo']) + 1:0{len(message['customerNo'])}}"
    number = message["partnerServiceId"] + unknown
    await bank.pay({**message, "customerNo": unknown, "virtualAccountNo": number})

    (refused,) = await list_refused()

    assert (refused["order_id"], refused["expected_amount"], refused["bills"]) == (None, None, [])
    assert (refused["offered_amount"], refused["status"]) == (bill.amount, "solved")


@pytest.mark.parametrize("status", BillStatus)
@pytest.mark.parametrize("has_newer", [False, True])
async def test_the_filter_by_status_agrees_with_the_status_that_is_shown(
    *,
    list_refused: ListRefused,
    bank: Bank,
    bill: BillOut,
    session: AsyncSession,
    status: BillStatus,
    has_newer: bool,
) -> None:
    await refuse(bank, bill)
    if has_newer:
        stored = await session.scalar(select(Bill).where(Bill.id == bill.id))
        assert stored is not None
        await session.execute(text("UPDATE bills SET status = 'ended'"))
        columns = {
            name: getattr(stored, name)
            for name in Bill.__table__.columns.keys()  # noqa: SIM118 - its keys are its names
            if name not in ("id", "order_id", "display_name", "status")
        }
        order = Order(id=new_id(), bill_count=1, amount=1, issued_at=clock.now(), issued_by=bill.id)
        session.add(order)
        await session.flush()
        newer = Bill(
            id=new_id(),
            order_id=order.id,
            display_name="Siti Aminah",
            status=BillStatus.ENDED,
            **columns,
        )
        session.add(newer)
        await session.flush()
    await session.execute(text(_MOVE), {"status": status.value, "id": bill.id})
    await session.commit()

    shown = {each["status"] for each in await list_refused()}
    by_filter = {name for name in ("open", "solved") if await list_refused(status=name)}

    assert by_filter == shown
    waits = status in (BillStatus.OPEN, BillStatus.ENDED) and not has_newer
    assert shown == {"open" if waits else "solved"}


async def test_filters_and_pages(
    list_refused: ListRefused,
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    business_time: BusinessTime,
) -> None:
    business_time.at(clock.now())
    first, second = await make_bank(name="Satu"), await make_bank(name="Dua")
    bill = await issue_bill(session)
    for bank in (first, second, first):
        await refuse(bank, bill)
    today = jakarta_date(clock.now())
    day = {"business_from": str(today), "business_to": str(today)}
    before = str(today - timedelta(days=1))

    assert len(await list_refused(**day)) == 3
    assert await list_refused(business_from=before, business_to=before) == []
    assert len(await list_refused(partner_id=str(first.partner.id))) == 2
    headers = tokens.make(Role.FINANCE_OFFICER, scope={"kind": "country"})
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/refused-payments", params=query, headers=headers)).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert (len(set(seen)), cursor) == (3, None)
    backward = {"business_from": str(today), "business_to": before}
    refused = await client.get("/v1/refused-payments", params=backward, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "days_backward")
