"""Transfers, their status, balance and bank statement, through the client the platform uses.

The bank runs on a real socket, so that a connection can break.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from perisai_kit.domain import clock
from perisai_kit.runtime.network import Network
from sandbox.fakebank.app import create_app
from snap_bi.bank_statements import EntryType
from snap_bi.client import BankClient
from snap_bi.disbursement import DisbursementClient
from snap_bi.outcomes import Outcome
from snap_bi.outgoing import Sender
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC, GENERIC_RSA, PROFILES, Profile
from snap_bi.timestamps import WIB
from snap_bi.transfer_outcomes import BankTransferStatus, Refusal, TransferOrder

OURS = "8880001112"
PAYEE = "1234567890"
BEGAN_WITH = 10_000_000
AMOUNT = 1_250_000
numbers = count(1)


@dataclass
class Bank:
    """A bank on a socket, its control API, and our clients."""

    url: str
    our_key: RSAPrivateKey
    control: httpx.AsyncClient
    timeout_s: float = 5.0

    @asynccontextmanager
    async def client(self, profile: Profile = GENERIC_HMAC) -> AsyncIterator[DisbursementClient]:
        sender = Sender(
            client_id=f"us-at-{profile.name}",
            partner_id=f"us-at-{profile.name}",
            channel_id=profile.outbound_channel_id,
            secret="ours",
            private_key=self.our_key,
        )
        async with BankClient(
            profile,
            sender,
            base_url=self.url,
            now=clock.real_now,
            transport=Network(),
            timeout_s=self.timeout_s,
        ) as client:
            yield DisbursementClient(client)

    async def plan(self, **plan: Any) -> None:
        assert (await self.control.post("/plans", json=plan)).status_code == 201

    async def read(self, path: str) -> list[dict[str, Any]]:
        answer = await self.control.get(path)
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()
        return found

    async def debits(self) -> list[int]:
        return [each["amount"] for each in await self.read("/entries") if each["type"] == "debit"]

    async def balance(self) -> int:
        (account,) = await self.read("/paying-accounts")
        balance: int = account["balance"]
        return balance


@pytest.fixture
async def bank(config: Path, our_key: RSAPrivateKey) -> AsyncIterator[Bank]:
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(config)})
    protocol = "perisai_kit.http.protocol:ServerProtocol"  # as `perisai-serve` has it
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, lifespan="on", log_config=None))
    running = asyncio.create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, transport=Network()) as control:
        for bank_code in ("002", "014"):
            account = {"bank_code": bank_code, "account_no": PAYEE, "holder_name": "AGUS SALIM"}
            assert (await control.post("/accounts", json=account)).status_code == 201
        ours = {"account_no": OURS, "balance": BEGAN_WITH}
        assert (await control.post("/paying-accounts", json=ours)).status_code == 201
        yield Bank(url, our_key, control)
    server.should_exit = True
    await running


def order(client: DisbursementClient, **more: Any) -> TransferOrder:
    number = next(numbers)
    values: dict[str, Any] = {
        "partner_reference_no": f"PAY{number:05d}",
        "external_id": client.new_external_id(),
        "requested_at": client.new_timestamp(clock.real_now()),
        "amount": AMOUNT,
        "source_account_no": OURS,
        "beneficiary_account_no": PAYEE,
        "beneficiary_name": "AGUS SALIM",
        "customer_reference": f"K7F{number:05d}",
        "remark": f"K7F{number:05d} INSENTIF",
    }
    return TransferOrder(**{**values, **more})


def day_of(made: TransferOrder) -> dict[str, Any]:
    day = made.requested_at.astimezone(WIB).date()
    return {"first": day, "last": day}


@pytest.mark.parametrize("bank_code", [None, "002"], ids=["17", "18"])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
async def test_a_transfer_is_executed_confirmed_and_on_the_bank_statement(
    bank: Bank, profile: Profile, bank_code: str | None
) -> None:
    async with bank.client(profile) as client:
        asked = order(client, beneficiary_bank_code=bank_code)
        holder = await client.inquire_beneficiary(asked)
        made = await client.transfer(asked)
        status = await client.inquire_transfer(asked)
        balance = await client.inquire_balance(OURS)
        statement = await client.read_bank_statement(OURS, **day_of(asked))

    assert holder.answer is not None
    assert made.outcome is Outcome.EXECUTED
    assert status.status is BankTransferStatus.PAID
    assert balance.available == BEGAN_WITH - AMOUNT
    assert statement.is_complete
    (row,) = statement.rows
    assert (row.type, row.amount) == (EntryType.DEBIT, AMOUNT)
    assert row.has_code(asked.customer_reference)


async def test_bca_refuses_a_transfer_without_the_account_inquiry_before_it(bank: Bank) -> None:
    async with bank.client(BCA) as client:
        made = await client.transfer(order(client))

    assert made.outcome is Outcome.NOT_EXECUTED
    assert await bank.debits() == []


async def test_bri_refuses_an_external_id_that_is_too_long(bank: Bank) -> None:
    async with bank.client(BRI) as client:
        made = await client.transfer(order(client, external_id="1" * 32))

    assert made.outcome is Outcome.NOT_EXECUTED
    assert made.result.message == "Invalid Field Format X-EXTERNAL-ID"


async def test_one_external_id_moves_money_once(bank: Bank) -> None:
    async with bank.client() as client:
        asked = order(client)
        await client.transfer(asked)
        again = await client.transfer(asked)

    assert again.outcome is Outcome.UNKNOWN
    assert str(again.result.code) == "4091700"
    assert await bank.debits() == [AMOUNT]


async def test_one_reference_under_two_external_ids_moves_money_twice(bank: Bank) -> None:
    async with bank.client() as client:
        first = order(client)
        await client.transfer(first)
        second = order(client, partner_reference_no=first.partner_reference_no)
        again = await client.transfer(second)

    assert again.outcome is Outcome.EXECUTED
    assert await bank.debits() == [AMOUNT, AMOUNT]
    assert await bank.balance() == BEGAN_WITH - 2 * AMOUNT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": BEGAN_WITH + 1}, "4031714"),
        ({"beneficiary_account_no": "999"}, "4041711"),
        ({"source_account_no": "999"}, "4041711"),
    ],
)
async def test_what_the_bank_cannot_do_moves_nothing(
    bank: Bank, changes: dict[str, Any], code: str
) -> None:
    async with bank.client() as client:
        made = await client.transfer(order(client, **changes))

    assert made.outcome is Outcome.NOT_EXECUTED
    assert str(made.result.code) == code
    assert await bank.balance() == BEGAN_WITH


LOST = ("garbage", "hang_up", "half")


@pytest.mark.parametrize("delivery", LOST)
@pytest.mark.parametrize(
    ("execution", "status"),
    [("now", BankTransferStatus.PAID), ("never", BankTransferStatus.NOT_FOUND)],
)
async def test_an_answer_that_is_lost_is_unknown_until_the_status_is_asked(
    bank: Bank, delivery: str, execution: str, status: BankTransferStatus
) -> None:
    await bank.plan(delivery=delivery, execution=execution)
    async with bank.client() as client:
        asked = order(client)
        made = await client.transfer(asked)
        found = await client.inquire_transfer(asked)
        after = await client.transfer(order(client))

    assert made.outcome is Outcome.UNKNOWN
    assert found.status is status
    assert after.outcome is Outcome.EXECUTED  # the plan is used once


@pytest.mark.parametrize("execution", ["now", "never"])
async def test_a_silent_bank_is_unknown(bank: Bank, execution: str) -> None:
    await bank.plan(delivery="silence", execution=execution)
    bank.timeout_s = 0.5
    async with bank.client() as client:
        made = await client.transfer(order(client))

    assert made.outcome is Outcome.UNKNOWN
    assert len(await bank.debits()) == (execution == "now")


async def test_a_late_transfer_is_not_found_until_it_is_executed(bank: Bank) -> None:
    await bank.plan(delivery="hang_up", execution="late", late_s=0.3)
    async with bank.client() as client:
        asked = order(client)
        await client.transfer(asked)
        early = await client.inquire_transfer(asked)
        nothing_yet = await bank.debits()
        for _ in range(100):
            late = await client.inquire_transfer(asked)
            if late.status is BankTransferStatus.PAID:
                break
            await asyncio.sleep(0.05)

    assert early.status is BankTransferStatus.NOT_FOUND
    assert nothing_yet == []
    assert late.status is BankTransferStatus.PAID
    assert await bank.debits() == [AMOUNT]


@pytest.mark.parametrize(
    ("execution", "last"),
    [("now", BankTransferStatus.PAID), ("never", BankTransferStatus.FAILED)],
)
async def test_a_pending_transfer_ends_after_some_inquiries(
    bank: Bank, execution: str, last: BankTransferStatus
) -> None:
    await bank.plan(reply="pending", execution=execution, pending_inquiries=2)
    async with bank.client() as client:
        asked = order(client)
        made = await client.transfer(asked)
        found = [(await client.inquire_transfer(asked)).status for _ in range(3)]

    assert made.outcome is Outcome.UNKNOWN
    assert found == [BankTransferStatus.PENDING, BankTransferStatus.PENDING, last]


async def test_an_executed_transfer_may_not_be_found_for_a_while(bank: Bank) -> None:
    await bank.plan(reply="error", hidden_inquiries=1)
    async with bank.client() as client:
        asked = order(client)
        made = await client.transfer(asked)
        found = [(await client.inquire_transfer(asked)).status for _ in range(2)]

    assert made.outcome is Outcome.UNKNOWN
    assert found == [BankTransferStatus.NOT_FOUND, BankTransferStatus.PAID]


async def test_an_answer_about_another_transfer_is_unknown(bank: Bank) -> None:
    await bank.plan(reply="other_reference")
    async with bank.client() as client:
        made = await client.transfer(order(client))

    assert made.outcome is Outcome.UNKNOWN
    assert await bank.debits() == [AMOUNT]


@pytest.mark.parametrize(("reply", "refusal"), [("busy", Refusal.BUSY), ("funds", Refusal.FUNDS)])
async def test_a_refusal_can_be_ordered(bank: Bank, reply: str, refusal: Refusal) -> None:
    await bank.plan(reply=reply, execution="never")
    async with bank.client() as client:
        made = await client.transfer(order(client))

    assert made.refusal is refusal
    assert await bank.debits() == []


async def test_an_answer_that_comes_twice_is_no_answer_to_the_next_transfer(bank: Bank) -> None:
    await bank.plan(delivery="twice")
    async with bank.client() as client:
        made = [await client.transfer(order(client)) for _ in range(2)]

    # The second answer may stand on the connection that the next transfer uses: then it is unknown.
    assert made[0].outcome is Outcome.EXECUTED
    answered = [each.answer.partner_reference_no for each in made if each.answer]
    assert len(set(answered)) == len(answered)
    assert await bank.debits() == [AMOUNT, AMOUNT]


@pytest.mark.parametrize("at_once", [True, False])
async def test_money_that_comes_back_is_on_the_bank_statement(bank: Bank, at_once: bool) -> None:
    await bank.plan(returns=at_once)
    async with bank.client() as client:
        asked = order(client)
        made = await client.transfer(asked)
        if not at_once:
            back = await bank.control.post(f"/transfers/{asked.external_id}/return")
            assert back.status_code == 200
        status = await client.inquire_transfer(asked)
        statement = await client.read_bank_statement(OURS, **day_of(asked))

    assert made.outcome is Outcome.EXECUTED
    assert status.status is BankTransferStatus.RETURNED
    assert sorted(row.type for row in statement.rows) == [EntryType.CREDIT, EntryType.DEBIT]
    assert all(row.has_code(asked.customer_reference) for row in statement.rows)
    assert await bank.balance() == BEGAN_WITH


async def test_nothing_comes_back_that_was_not_executed(bank: Bank) -> None:
    assert (await bank.control.post("/transfers/1/return")).status_code == 404


@pytest.mark.parametrize("profile", [GENERIC_RSA, BCA], ids=lambda one: one.name)
async def test_a_long_bank_statement_comes_in_pages_or_whole(bank: Bank, profile: Profile) -> None:
    begin = clock.real_now() - timedelta(seconds=200)
    async with bank.client(profile) as client:
        first = order(client, amount=1, requested_at=client.new_timestamp(begin))
        for number in range(45):
            at = client.new_timestamp(begin + timedelta(seconds=number))
            asked = order(client, amount=1, requested_at=at)
            await client.inquire_beneficiary(asked)
            assert (await client.transfer(asked)).outcome is Outcome.EXECUTED
        day = clock.real_now().astimezone(WIB).date()
        statement = await client.read_bank_statement(
            OURS, first=min(day_of(first)["first"], day), last=day
        )

    assert statement.is_complete
    assert len({row.remark for row in statement.rows}) == len(statement.rows) == 45


async def test_a_plan_is_for_the_account_that_it_names(bank: Bank) -> None:
    other = {"bank_code": "002", "account_no": "777", "holder_name": "SITI"}
    await bank.control.post("/accounts", json=other)
    await bank.plan(reply="busy", execution="never", beneficiary_account_no="777")
    async with bank.client() as client:
        to_payee = await client.transfer(order(client))
        to_other = await client.transfer(order(client, beneficiary_account_no="777"))

    assert to_payee.outcome is Outcome.EXECUTED
    assert to_other.refusal is Refusal.BUSY


@pytest.mark.parametrize(
    "plan",
    [{"execution": "never"}, {"execution": "late", "delivery": "twice"}, {"reply": "busy"}],
)
async def test_a_plan_that_contradicts_itself_is_refused(bank: Bank, plan: dict[str, str]) -> None:
    assert (await bank.control.post("/plans", json=plan)).status_code == 422


async def test_random_trouble_repeats_with_its_seed_and_ends(bank: Bank) -> None:
    bank.timeout_s = 0.3

    async def outcomes(seed: str) -> list[dict[str, Any]]:
        await bank.control.post("/plans/random", json={"seed": seed, "share": 1.0})
        before = len(await bank.read("/transfers"))
        async with bank.client(GENERIC_RSA) as client:
            for _ in range(12):
                await client.transfer(order(client, amount=1))
        return [each["plan"] for each in (await bank.read("/transfers"))[before:]]

    first, again, other = [await outcomes(seed) for seed in ("one", "one", "two")]
    await bank.control.post("/plans/clear")

    assert first == again != other
    async with bank.client() as client:
        assert (await client.transfer(order(client))).outcome is Outcome.EXECUTED


async def test_the_bank_keeps_its_money_when_it_starts_again(
    bank: Bank, config: Path, our_key: RSAPrivateKey
) -> None:
    async with bank.client() as client:
        asked = order(client)
        await client.transfer(asked)

    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(config)})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bank.test") as control:
        balances = (await control.get("/paying-accounts")).json()
        (transfer,) = (await control.get("/transfers")).json()

    assert balances == [{"account_no": OURS, "balance": BEGAN_WITH - AMOUNT}]
    assert (transfer["external_id"], transfer["state"]) == (asked.external_id, "executed")


async def test_the_log_shows_no_account_number(bank: Bank) -> None:
    async with bank.client() as client:
        asked = order(client)
        await client.transfer(asked)
        await client.inquire_balance(OURS)
        await client.read_bank_statement(OURS, **day_of(asked))
    log = (await bank.control.get("/log")).text

    assert "4.17" not in log
    assert OURS not in log
    assert PAYEE not in log
