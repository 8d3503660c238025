"""The replay matrix of docs/snap.md (Idempotency), cell by cell, for every profile.

Each situation comes after a first payment flag. `Row` says, per bank, the code of the second
answer; beside it what it is kept as. READ says what each bank makes of the codes.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, payment_of
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback
from payment_service.callbacks.rules import CallbackOutcome
from payment_service.payments.models import Payment
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.readings import read_payment_answer

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
Kept = Callable[[], Awaitable[list[Callback]]]
Booked = Callable[[], Awaitable[list[Payment]]]
Undone = Callable[[Bank], AbstractAsyncContextManager[None]]
ONE, TWO = "4711", "4712"


@dataclass
class Scene:
    """After the first flag, which came under the X-EXTERNAL-ID ONE."""

    bank: Bank
    bill: BillOut
    other: BillOut
    first: dict[str, Any]
    session: AsyncSession

    async def again(self, number: str = ONE, **changes: Any) -> httpx.Response:
        return await self.bank.pay({**self.first, **changes}, number=number)

    async def suspend(self, to: PartnerStatus = PartnerStatus.SUSPENDED) -> None:
        self.bank.partner.status = to
        await self.session.flush()


async def the_same_again(scene: Scene) -> httpx.Response:
    return await scene.again()


async def the_same_as_an_advice(scene: Scene) -> httpx.Response:
    return await scene.again(flagAdvise="Y")


async def under_a_new_external_id(scene: Scene) -> httpx.Response:
    return await scene.again(TWO)


async def under_a_new_external_id_as_an_advice(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, flagAdvise="Y", referenceNo="9", channelCode=6010)


async def the_same_while_we_take_nothing_new(scene: Scene) -> httpx.Response:
    await scene.suspend()
    return await scene.again()


async def another_request_under_the_same_external_id(scene: Scene) -> httpx.Response:
    return await scene.bank.pay(payment_of(scene.other, scene.bank.partner), number=ONE)


async def with_another_amount(scene: Scene) -> httpx.Response:
    return await scene.again(paidAmount={"value": "1.00", "currency": "IDR"})


async def with_another_amount_under_a_new_external_id(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, paidAmount={"value": "1.00", "currency": "IDR"})


async def with_another_account(scene: Scene) -> httpx.Response:
    same = scene.first["paymentRequestId"]
    message = payment_of(scene.other, scene.bank.partner, paymentRequestId=same)
    return await scene.bank.pay(message, number=TWO)


async def with_another_company_code(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, partnerServiceId="   77777")


async def with_another_trx_id(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, trxId="another")


async def with_other_paid_bills(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, paidBills="95000")


async def another_payment_of_the_paid_account(scene: Scene) -> httpx.Response:
    return await scene.bank.pay(payment_of(scene.bill, scene.bank.partner), number=TWO)


async def the_refusal_again(scene: Scene) -> httpx.Response:
    return await scene.again()


async def the_refusal_under_a_new_external_id(scene: Scene) -> httpx.Response:
    return await scene.again(TWO, flagAdvise="Y")


async def the_refusal_put_right(scene: Scene) -> httpx.Response:
    same = scene.first["paymentRequestId"]
    message = payment_of(scene.bill, scene.bank.partner, paymentRequestId=same)
    return await scene.bank.pay(message, number=TWO)


Situation = Callable[[Scene], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Row:
    situation: Situation
    generic: str
    bca: str
    bri: str
    verdict: CallbackOutcome

    def code(self, column: str) -> str:
        return {"bca": self.bca, "bri": self.bri}.get(column, self.generic)


R, C = CallbackOutcome.REPEATED, CallbackOutcome.CONFLICT
PAID_FIRST = [
    #   situation after a payment that was booked     generic    BCA        BRI        kept as
    Row(the_same_again, "2002500", "4042518", "2002500", R),
    Row(the_same_as_an_advice, "2002500", "4042518", "2002500", R),
    Row(the_same_while_we_take_nothing_new, "2002500", "4042518", "2002500", R),
    Row(under_a_new_external_id, "2002500", "2002500", "2002500", R),
    Row(under_a_new_external_id_as_an_advice, "2002500", "2002500", "2002500", R),
    Row(with_another_amount, "4042518", "4042518", "4042518", C),
    Row(with_another_amount_under_a_new_external_id, "4042518", "4042518", "4042518", C),
    Row(with_another_account, "4042518", "4042518", "4042518", C),
    Row(with_another_company_code, "4042518", "4042518", "4042518", C),
    Row(with_another_trx_id, "4042518", "4042518", "4042518", C),
    Row(with_other_paid_bills, "4042518", "4042518", "4042518", C),
]
NOTHING_OF_THE_FIRST = [
    Row(
        another_request_under_the_same_external_id,
        "4092500",
        "4092500",
        "4092500",
        CallbackOutcome.TURNED_BACK,
    ),
    Row(
        another_payment_of_the_paid_account,
        "4042514",
        "4042514",
        "4042514",
        CallbackOutcome.REFUSED,
    ),
]
REFUSED_FIRST = [
    #   situation after a refusal (a wrong amount)    generic    BCA        BRI        kept as
    Row(the_refusal_again, "4042513", "4042518", "4042513", R),
    Row(the_refusal_under_a_new_external_id, "4042513", "4042513", "4042513", R),
    Row(the_refusal_put_right, "2002500", "2002500", "2002500", CallbackOutcome.SETTLED),
]
# What each bank makes of a code with the flag of a payment that was booked, and with 01.
READ = {
    #  code, flag             generic     BCA         BRI
    ("2002500", "00"): ("paid", "paid", "paid"),
    ("4042518", "00"): ("paid", "paid", "reversed"),
    ("4042518", "01"): ("rejected", "rejected", "reversed"),
    ("4042513", "01"): ("rejected", "rejected", "reversed"),
    ("4042514", "01"): ("rejected", "rejected", "reversed"),
    ("4092500", "01"): ("rejected", "rejected", "reversed"),
}
STORED, INCONSISTENT = ReplayAnswer.STORED_SUCCESS, ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT
# The profile, the answer its bank has signed off, and the column of the matrix.
BANKS = [
    pytest.param("generic-hmac", None, "generic", id="generic-hmac"),
    pytest.param("generic-rsa", None, "generic", id="generic-rsa"),
    pytest.param("bca", INCONSISTENT, "bca", id="bca"),
    pytest.param("bca", STORED, "generic", id="bca that signed off 2002500"),
    pytest.param("bri", STORED, "bri", id="bri"),
]


def conflicts() -> float:
    return REGISTRY.get_sample_value("snap_payment_conflicts_total") or 0.0


def assert_read(bank: Bank, answer: httpx.Response, code: str) -> None:
    body = answer.json()
    assert body["responseCode"] == code
    assert answer.status_code == int(code[:3])
    reads = READ[code, body["virtualAccountData"]["paymentFlagStatus"]]
    place = {"bca": 1, "bri": 2}.get(bank.profile.name, 0)
    assert read_payment_answer(bank.profile, answer.content) == reads[place]


def assert_own_refusal(answer: httpx.Response) -> None:
    """A payment that is not the first one is refused with its own numbers."""
    sent, data = json.loads(answer.request.content), answer.json()["virtualAccountData"]
    assert data["paymentFlagStatus"] == "01"
    for name in ("partnerServiceId", "customerNo", "virtualAccountNo", "paymentRequestId"):
        assert data[name] == sent[name]


SetScene = Callable[..., Awaitable[tuple[Scene, httpx.Response]]]


@pytest.fixture
def set_scene(make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill) -> SetScene:
    """Send the first flag, of the right amount or another; return its answer too."""

    async def set_(
        profile: str, signed_off: ReplayAnswer | None, *, amount: int | None = None
    ) -> tuple[Scene, httpx.Response]:
        bank = await make_bank(profile=profile, replay_answer=signed_off)
        bill, other = await issue_bill(session), await issue_bill(session)
        first = payment_of(bill, bank.partner, amount=amount)
        answer = await bank.pay(first, number=ONE)
        return Scene(bank, bill, other, first, session), answer

    return set_


def test_every_profile_has_its_column() -> None:
    assert {bank.values[0] for bank in BANKS} == PROFILES.keys()


@pytest.mark.parametrize(("profile", "signed_off", "column"), BANKS)
async def test_a_booked_payment_stands_whatever_is_sent_again(
    *,
    set_scene: SetScene,
    undone: Undone,
    kept: Kept,
    booked: Booked,
    profile: str,
    signed_off: ReplayAnswer | None,
    column: str,
) -> None:
    scene, first = await set_scene(profile, signed_off)

    for row in PAID_FIRST:
        alarms = conflicts()
        async with undone(scene.bank):
            second = await row.situation(scene)
            messages, payments = await kept(), await booked()
            assert messages[1].first_id == messages[0].id, row
            assert [each.verdict for each in messages] == [CallbackOutcome.SETTLED, row.verdict]
            assert [each.order_id for each in payments] == [scene.bill.order_id], row

        assert_read(scene.bank, second, row.code(column))
        if row.verdict is CallbackOutcome.CONFLICT:
            assert_own_refusal(second)
        else:
            assert second.json()["virtualAccountData"] == first.json()["virtualAccountData"], row
        if row.code(column) == "2002500":
            assert second.content == first.content, row
        assert conflicts() - alarms == (row.verdict is CallbackOutcome.CONFLICT), row


@pytest.mark.parametrize(("profile", "signed_off", "column"), BANKS)
async def test_what_is_no_repeat_is_refused_and_booked_for_nobody(
    *,
    set_scene: SetScene,
    undone: Undone,
    kept: Kept,
    booked: Booked,
    profile: str,
    signed_off: ReplayAnswer | None,
    column: str,
) -> None:
    scene, _ = await set_scene(profile, signed_off)
    alarms = conflicts()

    for row in NOTHING_OF_THE_FIRST:
        async with undone(scene.bank):
            second = await row.situation(scene)
            verdicts = [each.verdict for each in await kept()]
            assert verdicts == [CallbackOutcome.SETTLED, row.verdict], row
            assert [each.order_id for each in await booked()] == [scene.bill.order_id], row

        assert_read(scene.bank, second, row.code(column))
        assert second.json()["virtualAccountData"]["paymentFlagStatus"] == "01", row
    assert conflicts() == alarms


@pytest.mark.parametrize(("profile", "signed_off", "column"), BANKS)
async def test_a_refusal_stands_until_other_content_comes(
    *,
    set_scene: SetScene,
    undone: Undone,
    kept: Kept,
    booked: Booked,
    profile: str,
    signed_off: ReplayAnswer | None,
    column: str,
) -> None:
    scene, first = await set_scene(profile, signed_off, amount=1)
    assert first.json()["responseCode"] == "4042513"

    for row in REFUSED_FIRST:
        is_settled = row.verdict is CallbackOutcome.SETTLED
        async with undone(scene.bank):
            second = await row.situation(scene)
            verdicts = [each.verdict for each in await kept()]
            assert verdicts == [CallbackOutcome.REFUSED, row.verdict], row
            assert len(await booked()) == is_settled, row

        assert_read(scene.bank, second, row.code(column))
        if not is_settled:
            assert second.json()["virtualAccountData"] == first.json()["virtualAccountData"], row


@pytest.mark.parametrize(
    ("profile", "signed_off"), [pytest.param(*bank.values[:2], id=bank.id) for bank in BANKS]
)
async def test_a_refusal_stands_although_the_bill_could_be_paid_by_now(
    *,
    make_bank: MakeBank,
    session: AsyncSession,
    issue_bill: IssueBill,
    booked: Booked,
    profile: str,
    signed_off: ReplayAnswer | None,
) -> None:
    # The bank may have given the customer the money back: a late copy must not be booked.
    bank = await make_bank(profile=profile, replay_answer=signed_off)
    bill = await issue_bill(session)
    scene = Scene(bank, bill, bill, payment_of(bill, bank.partner), session)
    await scene.suspend()
    first = await scene.again()
    await scene.suspend(PartnerStatus.ACTIVE)

    second = await scene.again(TWO)

    assert first.json()["responseCode"] == "4032501"
    assert second.content == first.content
    assert await booked() == []
