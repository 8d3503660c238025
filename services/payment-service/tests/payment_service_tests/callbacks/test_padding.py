"""A company code is padded with spaces or with zeros, and may begin with zeros of its own."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from payment_service_tests.callbacks.conftest import Booked
from payment_service_tests.conftest import MakeBank
from payment_service_tests.partner_bank import inquiry_of, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut

IssueBill = Callable[..., Awaitable[BillOut]]
CODES = ("88001", "01234", "00088001", "12345678")


def pad_space(code: str) -> str:
    return code.rjust(8)


def pad_zero(code: str) -> str:
    return code.zfill(8)


PADDINGS: dict[str, Callable[[str], str]] = {"spaces": pad_space, "zeros": pad_zero, "none": str}


def rename(message: dict[str, Any], service_id: str, number: str) -> dict[str, Any]:
    whole = number + str(message["customerNo"])
    return {**message, "partnerServiceId": service_id, "virtualAccountNo": whole}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("first", PADDINGS)
@pytest.mark.parametrize("second", PADDINGS)
async def test_a_bill_is_asked_for_and_paid_in_any_padding(
    *,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    booked: Booked,
    code: str,
    first: str,
    second: str,
) -> None:
    bank = await make_bank(company_code=code)
    bill = await issue_bill(session)
    names = PADDINGS[first](code), PADDINGS[second](code)
    asked = rename(inquiry_of(bill, bank.partner), *names)
    paid = rename(payment_of(bill, bank.partner), *names)
    other = rename(payment_of(bill, bank.partner), *reversed(names))
    other["paymentRequestId"] = paid["paymentRequestId"]

    answers = [await bank.inquire(asked), await bank.pay(paid), await bank.pay(other)]

    codes = [each.json()["responseCode"] for each in answers]
    assert codes == ["2002400", "2002500", "2002500"]
    for sent, answer in zip((asked, paid), answers, strict=False):
        data = answer.json()["virtualAccountData"]
        for name in ("partnerServiceId", "customerNo", "virtualAccountNo"):
            assert data[name] == sent[name]
    assert answers[2].content == answers[1].content
    assert len(await booked()) == 1


@pytest.mark.parametrize("pad", PADDINGS.values(), ids=PADDINGS)
async def test_two_codes_that_look_alike_never_reach_each_others_bills(
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    booked: Booked,
    pad: Callable[[str], str],
) -> None:
    plain = await make_bank(company_code="1234", bank_code="a")
    bill = await issue_bill(session)
    zero = await make_bank(company_code="01234", bank_code="b")
    own = payment_of(bill, plain.partner)
    sent = rename(own, pad("1234"), pad("1234"))

    answer = await zero.pay(sent)
    foreign = await plain.pay(rename(own, pad("1235"), pad("1235")))

    assert answer.json()["responseCode"] == "4042512"
    assert foreign.json()["responseCode"] == "4042516"
    assert await booked() == []
