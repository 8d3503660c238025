"""Members with a bill in hand, and a bank that asks until it knows."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from stage.processes import Platform
from stage.waiting import PATIENCE_S

from sandbox.demo.clients import Actor
from sandbox.demo.people import member_body, new_adult

AT = datetime.fromisoformat("2026-11-03T09:00:00+07:00")
MONTH = "2026-11"
PROGRAMMES = ("jkk", "jkm", "jht")
DEFINITE = frozenset({"paid", "rejected", "reversed"})
"""After these the bank asks no more: the money stays with us, or goes back to the customer."""
PAUSE_S = 0.25


@dataclass(frozen=True)
class Customer:
    """A member and the bill of one month."""

    member_id: str
    bill_id: str
    order_id: str
    number: str
    amount: int
    numbers: tuple[str, ...] = ()
    """Of all banks; `number` is the first."""


@dataclass(frozen=True)
class PaymentReply:
    """The last reply to the bank, how often it sent the payment, and how many calls it made."""

    customer: Customer
    request_id: str
    outcome: str
    code: str | None
    times: int
    calls: int


async def new_customers(platform: Platform, count: int) -> list[Customer]:
    """Let an officer enrol and bill so many; the business time is the caller's."""
    async with platform.staff("officer1") as officer:
        return [await new_customer(officer) for _ in range(count)]


async def customers_of_agent(platform: Platform, count: int) -> list[Customer]:
    """As `new_customers`, but attributed to the sandbox's agent."""
    async with platform.http("gateway") as http:
        agent = Actor(http, device_id="stage-agent")
        await agent.sign_in_by_phone(platform.described["sign_ins"]["agent"]["phone"])
        return [await new_customer(agent) for _ in range(count)]


async def new_customer(by: Actor, *, programmes: Sequence[str] = PROGRAMMES) -> Customer:
    """Let somebody enrol and bill a person."""
    person = member_body(new_adult(AT.date()), at=AT) | {"programmes": list(programmes)}
    await by.post("/v1/members", person)
    return await bill_for(by, person["id"], MONTH)


async def bill_for(by: Actor, member_id: str, first_month: str, months: int = 1) -> Customer:
    """Let somebody bill a member for further months."""
    asked = {"member_id": member_id, "first_month": first_month, "month_count": months}
    bill = await by.post("/v1/bills", asked)
    numbers = tuple(each["number"].strip() for each in bill["virtual_accounts"])
    return Customer(member_id, bill["id"], bill["order_id"], numbers[0], bill["amount"], numbers)


class Payer(Protocol):
    """The fake bank, or one of our own; see the fake bank's `POST /payments`."""

    async def pay(self, virtual_account_no: str, **more: Any) -> dict[str, Any]: ...


async def pay_until_answered(
    bank: Payer, customer: Customer, *, new_external_ids: bool, first_mode: str = "ok"
) -> PaymentReply:
    """Flag one payment, and again with the same request id until the answer is definite.

    new_external_ids: banks differ in whether a repeat has an X-EXTERNAL-ID of its own.
    first_mode: how the fake bank sends it the first time: `drop_answer` and so on.
    """
    request_id = f"stage-{secrets.token_hex(10)}"
    same = {"external_id": f"{secrets.randbelow(10**30):030d}"}
    times, calls, ends = 0, 0, time.monotonic() + PATIENCE_S
    while True:
        times += 1
        paid = await bank.pay(
            customer.number,
            amount=customer.amount,
            inquire=False,
            payment_request_id=request_id,
            trx_date_time=AT.isoformat(),
            mode=first_mode if times == 1 else "ok",
            **({} if new_external_ids else same),
        )
        calls += len(paid["calls"])
        if paid["outcome"] in DEFINITE or time.monotonic() > ends:
            break
        await asyncio.sleep(PAUSE_S)
    code = paid["calls"][-1]["response_code"]
    return PaymentReply(customer, request_id, paid["outcome"], code, times, calls)
