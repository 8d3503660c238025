"""Whatever stands in a field, a signed message gets an answer of the standard and no failure."""

import json
from typing import Any

import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of

from payment_service.bills.schemas import BillOut

ODD: dict[str, Any] = {
    "null": None,
    "empty": "",
    "space": " ",
    "zero": 0,
    "minus": -1,
    "true": True,
    "beyond 64 bits": 2**64,
    "huge float": 1e308,
    "list": [],
    "object": {},
    "list of lists": [[[["x"]]]],
    "object of objects": {"value": {"value": {}}},
    "long": "x" * 5000,
    "NUL": "a\x00b",
    "half a character": "\ud800",
    "other digits": "٣٤٥",
    "line": "a\r\nX-INJECTED: b",
    "SQL": "' OR 1=1; --",
}

EVERY = 3
"""In a short run a value stands in every third field, and in each field every third value."""


@pytest.mark.parametrize(
    "every",
    [pytest.param(EVERY, id="few"), pytest.param(1, id="all", marks=pytest.mark.soak)],
)
@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_value_in_any_field_is_answered_with_a_code(
    bank: Bank, bill: BillOut, odd: str, every: int
) -> None:
    value, start = ODD[odd], list(ODD).index(odd) % every
    payment, inquiry = payment_of(bill, bank.partner), inquiry_of(bill, bank.partner)
    extra = ("trxId", "paidBills", "billDetails", "freeTexts", "additionalInfo", "unheardOf")
    of_payment, of_inquiry = [*payment, *extra], [*inquiry, "additionalInfo"]

    answers = [
        await bank.pay({**payment, name: value, "totalAmount": value})
        for name in of_payment[start::every]
    ] + [await bank.inquire({**inquiry, name: value}) for name in of_inquiry[start::every]]

    for answer in answers:
        code = answer.json()["responseCode"]
        assert answer.status_code == int(code[:3])
        assert answer.status_code in {200, 400, 404}
        assert "INJECTED" not in str(answer.headers)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_an_odd_value_inside_an_amount_is_answered_with_a_code(
    bank: Bank, bill: BillOut, odd: Any
) -> None:
    payment = payment_of(bill, bank.partner)
    amount = payment["paidAmount"]

    for changed in ({**amount, "value": odd}, {**amount, "currency": odd}, {"value": odd}):
        answer = await bank.send(
            "/transfer-va/payment", json.dumps({**payment, "paidAmount": changed}).encode()
        )

        assert answer.json()["responseCode"] in {"4002501", "4002502"}
