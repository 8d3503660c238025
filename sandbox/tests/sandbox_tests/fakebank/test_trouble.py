"""The ways in which the bank fails, as ordered or by a random plan."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sandbox_tests.fakebank.money_world import (
    AMOUNT,
    BEGAN_WITH,
    OURS,
    Bank,
    day_of,
    open_bank,
    order,
)

from snap_bi.bank_statements import EntryType
from snap_bi.outcomes import Outcome
from snap_bi.profiles import GENERIC_RSA
from snap_bi.transfer_outcomes import BankTransferStatus, Refusal


@pytest.fixture
async def bank(config: Path, our_key: RSAPrivateKey) -> AsyncIterator[Bank]:
    async with open_bank(config, our_key) as bank:
        yield bank


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
    patience_s, bank.timeout_s = bank.timeout_s, 0.3

    async def outcomes(seed: str) -> list[dict[str, Any]]:
        await bank.control.post("/plans/random", json={"seed": seed, "share": 1.0, "late_s": 0.2})
        before = len(await bank.read("/transfers"))
        async with bank.client(GENERIC_RSA) as client:
            for _ in range(12):
                await client.transfer(order(client, amount=1))
        return [each["plan"] for each in (await bank.read("/transfers"))[before:]]

    first, again, other = [await outcomes(seed) for seed in ("one", "one", "two")]
    await bank.control.post("/plans/clear")

    assert first == again != other
    assert {each["late_s"] for each in first} == {0.2}
    bank.timeout_s = patience_s
    async with bank.client() as client:
        assert (await client.transfer(order(client))).outcome is Outcome.EXECUTED
