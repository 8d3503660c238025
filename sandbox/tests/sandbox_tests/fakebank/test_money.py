"""Transfers, status, balance and bank statement, through the client the platform uses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sandbox_tests.fakebank.money_world import (
    AMOUNT,
    BEGAN_WITH,
    OURS,
    PAYEE,
    Bank,
    day_of,
    open_bank,
    order,
)

from perisai_kit.domain import clock
from sandbox.fakebank.app import create_app
from sandbox.fakebank.interbank import read_route
from snap_bi.bank_statements import EntryType
from snap_bi.codes import Service
from snap_bi.errors import FieldProblem, ProblemKind
from snap_bi.outcomes import Outcome
from snap_bi.profiles import BCA, BRI, GENERIC_RSA, PROFILES, Profile
from snap_bi.timestamps import WIB
from snap_bi.transfer_outcomes import BankTransferStatus
from snap_bi.transfer_rules import InterbankRoute

SWITCH, BI_FAST = InterbankRoute.SWITCH, InterbankRoute.BI_FAST
INQUIRY, TRANSFER = Service.ACCOUNT_INQUIRY_EXTERNAL, Service.TRANSFER_INTERBANK
MISSING, FORMAT = ProblemKind.MISSING, ProblemKind.FORMAT


@pytest.fixture
async def bank(config: Path, our_key: RSAPrivateKey) -> AsyncIterator[Bank]:
    async with open_bank(config, our_key) as bank:
        yield bank


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


@pytest.mark.parametrize(
    ("route", "shown", "has_id"),
    [(None, "bi_fast", True), (BI_FAST, "bi_fast", True), (SWITCH, "switch", False)],
)
async def test_bca_shows_by_which_network_it_paid_another_bank(
    bank: Bank, route: InterbankRoute | None, shown: str, has_id: bool
) -> None:
    async with bank.client(BCA) as client:
        asked = order(client, beneficiary_bank_code="002", route=route)
        holder = await client.inquire_beneficiary(asked)
        made = await client.transfer(asked)

    assert holder.answer is not None
    assert made.answer is not None
    assert ("bifastId" in (made.answer.additional_info or {})) is has_id
    (transfer,) = await bank.read("/transfers")
    assert transfer["route"] == shown


async def test_a_bank_without_a_choice_of_the_network_shows_none(bank: Bank) -> None:
    async with bank.client() as client:
        await client.transfer(order(client, beneficiary_bank_code="002", route=SWITCH))

    (transfer,) = await bank.read("/transfers")
    assert transfer["route"] is None


async def test_bca_refuses_bi_fast_where_the_other_bank_has_none(bank: Bank) -> None:
    await bank.plan(reply="no_bi_fast", execution="never")
    async with bank.client(BCA) as client:
        refused = await client.transfer(order(client, beneficiary_bank_code="002"))
        made = await client.transfer(order(client, beneficiary_bank_code="002", route=SWITCH))

    assert (refused.outcome, str(refused.result.code)) == (Outcome.NOT_EXECUTED, "4031815")
    assert made.outcome is Outcome.EXECUTED
    assert await bank.debits() == [AMOUNT]


ACCOUNT = {"sourceAccountNo": OURS, "amount": {"value": "1.00", "currency": "IDR"}}


@pytest.mark.parametrize(
    ("service", "info", "problem", "name"),
    [
        (TRANSFER, None, MISSING, "transferType"),
        (TRANSFER, {"transferType": "3"}, FORMAT, "transferType"),
        (TRANSFER, {"inquiryService": "1"}, MISSING, "transferType"),
        (TRANSFER, {"transferType": "2"}, MISSING, "purposeCode"),
        (TRANSFER, {"transferType": "2", "purposeCode": "04"}, FORMAT, "purposeCode"),
        (INQUIRY, {"inquiryService": "2", "purposeCode": "99"}, MISSING, "sourceAccountNo"),
        (INQUIRY, {"inquiryService": "2", **ACCOUNT}, MISSING, "purposeCode"),
    ],
)
def test_bca_refuses_what_names_no_network(
    service: Service, info: dict[str, object] | None, problem: ProblemKind, name: str
) -> None:
    with pytest.raises(FieldProblem) as refused:
        read_route(service, BCA.transfers, info)

    assert (refused.value.kind, refused.value.field) == (problem, name)


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


async def test_the_log_shows_no_account_number_and_no_holder(bank: Bank) -> None:
    async with bank.client() as client:
        asked = order(client)
        await client.transfer(asked)
        await client.inquire_balance(OURS)
        await client.read_bank_statement(OURS, **day_of(asked))
    log = (await bank.control.get("/log")).text

    assert asked.external_id in log
    for secret in (OURS, PAYEE, "AGUS SALIM"):
        assert secret not in log
