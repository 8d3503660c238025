"""The order of the checks (docs/snap.md, decision 3), shown by requests with two faults at once.

Of two faults the one that stands earlier in the table is answered. Each fault alone is answered
with its own code, so that both are really there.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, external_id, inquiry_of, payment_of
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from perisai_kit.domain import clock
from snap_bi.profiles import PROFILES, ReplayAnswer

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
HERE, ELSEWHERE, NOWHERE = "203.0.113.7", "203.0.113.99", "198.51.100.1"
USED = "4711"


@dataclass
class Call:
    """One call in the making. `message` is sound until a fault changes it."""

    bank: Bank
    message: dict[str, Any]
    settled: dict[str, Any]
    at: datetime
    source: str = HERE
    number: str = field(default_factory=external_id)
    token: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    is_doubled: bool = False

    def copy(self) -> "Call":
        """Return one like it that can be changed, under an X-EXTERNAL-ID of its own."""
        return replace(self, message={**self.message}, headers={}, number=external_id())

    async def send(self, path: str) -> httpx.Response:
        text = json.dumps(self.message)
        if self.is_doubled:
            text = text[:-1] + ',"a":1,"a":2}'
        return await self.bank.send(
            path,
            text.encode(),
            at=self.at,
            number=self.number,
            token=self.token,
            x_forwarded_for=self.source,
            **self.headers,
        )


@pytest.fixture
def partner_cache_s() -> float:
    return 0


def from_nowhere(call: Call) -> None:
    call.source = NOWHERE


def without_a_header(call: Call) -> None:
    call.headers["channel_id"] = None


def with_a_bad_header(call: Call) -> None:
    call.headers["x_external_id"] = "abc"


def with_a_dead_token(call: Call) -> None:
    call.token = "nothing"


def as_another_partner(call: Call) -> None:
    call.headers["x_client_key"] = "nobody"


def from_elsewhere(call: Call) -> None:
    call.source = ELSEWHERE


def late(call: Call) -> None:
    call.at -= timedelta(seconds=400)


def badly_signed(call: Call) -> None:
    call.headers["x_signature"] = "0" * 128


def not_one_object(call: Call) -> None:
    call.is_doubled = True


def without_a_field(call: Call) -> None:
    call.message.pop("paidAmount", None)
    call.message.pop("inquiryRequestId", None)


def repeated(call: Call) -> None:
    call.message = {**call.settled}


def under_a_used_external_id(call: Call) -> None:
    call.number = USED


def while_suspended(call: Call) -> None:
    call.bank.partner.status = PartnerStatus.SUSPENDED


def to_another_company(call: Call) -> None:
    call.message["partnerServiceId"] = "   77777"


def to_strings_that_disagree(call: Call) -> None:
    call.message["virtualAccountNo"] = call.message["virtualAccountNo"][:-1]


def to_nobodys_account(call: Call) -> None:
    nobody = "9" * len(call.message["customerNo"])
    call.message["customerNo"] = nobody
    call.message["virtualAccountNo"] = call.message["partnerServiceId"] + nobody


Fault = Callable[[Call], None]
Row = tuple[Fault, str, str]
# What is wrong, the code without its service, the start of the message.
ORDER: list[Row] = [
    (from_nowhere, "401xx00", "Unauthorized. [Connection not allowed]"),
    (without_a_header, "400xx02", "Invalid Mandatory Field CHANNEL-ID"),
    (with_a_bad_header, "400xx01", "Invalid Field Format X-EXTERNAL-ID"),
    (with_a_dead_token, "401xx01", "Invalid Token (B2B)"),
    (as_another_partner, "401xx00", "Unauthorized. [Unknown client]"),
    (from_elsewhere, "401xx00", "Unauthorized. [Connection not allowed]"),
    (late, "401xx00", "Unauthorized. [Timestamp]"),
    (badly_signed, "401xx00", "Unauthorized. [Signature]"),
    (not_one_object, "400xx00", "Bad Request"),
    (without_a_field, "400xx02", "Invalid Mandatory Field"),
    (repeated, "200xx00", "Successful"),
    (under_a_used_external_id, "409xx00", "Conflict"),
    (while_suspended, "403xx01", "Feature Not Allowed"),
    (to_another_company, "404xx16", "Partner Not Found"),
    (to_strings_that_disagree, "404xx11", "Invalid Card/Account/Customer"),
    (to_nobodys_account, "404xx12", "Invalid Bill/Virtual Account [Not Found]"),
]
PAYMENT, INQUIRY = ("25", "/transfer-va/payment"), ("24", "/transfer-va/inquiry")
CALLS = [(PAYMENT, name) for name in PROFILES] + [(INQUIRY, "generic-hmac"), (INQUIRY, "bca")]


def rows_of(service: str, profile: str) -> list[Row]:
    """Only payments are repeated; only a symmetric caller has a token."""
    absent: set[Fault] = set() if service == "25" else {repeated}
    absent |= set() if PROFILES[profile].needs_token else {with_a_dead_token}
    return [row for row in ORDER if row[0] not in absent]


MakeCall = Callable[[str, str], Awaitable[Call]]
Answers = Mapping[str, tuple[str, str]]
AnswerWith = Callable[..., Awaitable[tuple[str, str]]]
Undone = Callable[[Bank], AbstractAsyncContextManager[None]]


@pytest.fixture
def make_call(make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill) -> MakeCall:
    """Let two banks join, one of which has a settled payment and a used X-EXTERNAL-ID."""

    async def make(service: str, profile: str) -> Call:
        await make_bank(company_code="88002", allowed_sources=[ELSEWHERE])
        bank = await make_bank(
            profile=profile,
            replay_answer=ReplayAnswer.STORED_SUCCESS,
            allowed_sources=[HERE],
        )
        bill, other = await issue_bill(session), await issue_bill(session)
        settled = payment_of(other, bank.partner)
        bank.token = (await bank.ask_token(x_forwarded_for=HERE)).json()["accessToken"]
        await bank.pay(settled, x_forwarded_for=HERE)
        message = (payment_of if service == "25" else inquiry_of)(bill, bank.partner)
        call = Call(bank, message, settled, at=clock.real_now(), token=bank.token)
        use_up = {**message, "partnerServiceId": "   77777", "paymentRequestId": "another"}
        how = {"number": USED, "x_forwarded_for": HERE}
        await (bank.pay(use_up, **how) if service == "25" else bank.inquire(use_up, **how))
        return call

    return make


@pytest.fixture
def answer_with(session: AsyncSession, undone: Undone) -> AnswerWith:
    """Return the code and the message of a copy of a call with these faults."""

    async def answer(call: Call, path: str, *faults: Fault) -> tuple[str, str]:
        async with undone(call.bank):
            changed = call.copy()
            for fault in faults:
                fault(changed)
            await session.flush()
            body = (await changed.send(path)).json()
        return body["responseCode"], body["responseMessage"]

    return answer


def assert_answered(answers: Answers, service: str, rows: Sequence[Row]) -> None:
    """Of a message only the start is laid down."""
    starts = {row[0].__name__: row[2] for row in rows}
    assert {name: (code, text[: len(starts[name])]) for name, (code, text) in answers.items()} == {
        name: (code.replace("xx", service), starts[name])
        for name, code in ((row[0].__name__, row[1]) for row in rows)
    }


@pytest.mark.parametrize(
    ("called", "profile"), [each for each in CALLS if each[1].startswith("generic")]
)
async def test_a_fault_alone_is_answered_with_its_code(
    make_call: MakeCall, answer_with: AnswerWith, called: tuple[str, str], profile: str
) -> None:
    service, path = called
    call, rows = await make_call(service, profile), rows_of(service, profile)

    answers = {row[0].__name__: await answer_with(call, path, row[0]) for row in rows}

    assert_answered(answers, service, rows)


@pytest.mark.parametrize(("called", "profile"), CALLS)
async def test_of_two_faults_the_earlier_is_answered(
    make_call: MakeCall, answer_with: AnswerWith, called: tuple[str, str], profile: str
) -> None:
    service, path = called
    call, rows = await make_call(service, profile), rows_of(service, profile)

    answers = {
        # The earlier one last, so that the other cannot undo it.
        row[0].__name__: await answer_with(call, path, later[0], row[0])
        for row, later in pairwise(rows)
    }

    assert_answered(answers, service, rows[:-1])
