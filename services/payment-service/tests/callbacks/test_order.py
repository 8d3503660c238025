"""The order of the checks (docs/snap.md, decision 3), shown by requests with two faults at once.

Of two faults the one that stands earlier in the table is answered. Each fault alone is answered
with its own code, so that both are really there.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.rules import PartnerStatus
from payment_service.bills.schemas import BillOut
from payment_service.testing import Bank, external_id, inquiry_of, payment_of
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


ALONE = [
    pytest.param(service, profile, row, id=f"{service[0]}-{profile}-{row[0].__name__}")
    for service, profile in CALLS
    if profile.startswith("generic")  # what is wrong is wrong everywhere
    for row in rows_of(service[0], profile)
]
PAIRS = [
    pytest.param(service, profile, row, after[0], id=f"{service[0]}-{profile}-{row[0].__name__}")
    for service, profile in CALLS
    for row, after in pairwise(rows_of(service[0], profile))
]
MakeCall = Callable[[str, str], Awaitable[Call]]


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


async def sent(session: AsyncSession, call: Call, path: str) -> dict[str, Any]:
    await session.flush()
    answer = (await call.send(path)).json()
    assert isinstance(answer, dict)
    return answer


def assert_answered(answer: dict[str, Any], service: str, row: Row) -> None:
    _, code, message = row
    assert answer["responseCode"] == code.replace("xx", service)
    assert answer["responseMessage"].startswith(message)


@pytest.mark.parametrize(("called", "profile", "row"), ALONE)
async def test_a_fault_alone_is_answered_with_its_code(
    session: AsyncSession, make_call: MakeCall, called: tuple[str, str], profile: str, row: Row
) -> None:
    call = await make_call(called[0], profile)

    row[0](call)

    assert_answered(await sent(session, call, called[1]), called[0], row)


@pytest.mark.parametrize(("called", "profile", "row", "later"), PAIRS)
async def test_of_two_faults_the_earlier_is_answered(
    *,
    session: AsyncSession,
    make_call: MakeCall,
    called: tuple[str, str],
    profile: str,
    row: Row,
    later: Fault,
) -> None:
    call = await make_call(called[0], profile)

    later(call)
    row[0](call)  # last, so that the other cannot undo it

    assert_answered(await sent(session, call, called[1]), called[0], row)
