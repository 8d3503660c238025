"""By which network a transfer to another bank goes, and what is known of it afterwards."""

from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.payout_bank import Bank
from payment_service_tests.payout_world import (
    BANK_CODE,
    World,
    make_account,
    make_payout,
)

from payment_service.payout_sending import service
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts import service as payouts
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from snap_bi.transfer_rules import InterbankRoute

SWITCH, BI_FAST = InterbankRoute.SWITCH, InterbankRoute.BI_FAST
BY_SWITCH = {"transferType": "1"}
BY_BI_FAST = {"transferType": "2", "purposeCode": "99"}
ELSEWHERE = "008"
PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
CREATED = TransferStatus.CREATED


async def make(world: World, *, to_bank: str = ELSEWHERE, **differences: Any) -> UUID:
    """Store a payout to a bank, by default from BCA to another; return the id of its transfer."""
    async with world.database.begin() as session:
        account = await make_account(session, **{"profile": "bca", **differences})
        return await make_payout(session, account, to_bank=to_bank)


async def choose(world: World, route: InterbankRoute | None) -> None:
    await world.execute("UPDATE payout_accounts SET interbank_route = :route", route=route)


async def try_again(world: World, failed: PayoutTransfer) -> UUID:
    """Make another attempt, as an officer asks for one."""
    async with world.database.begin() as session:
        payout = await payouts.lock_failed(session, failed.payout_id)
        return (await payouts.begin_again(session, payout, failed, by=new_id())).id


def sent(world: World) -> list[Any]:
    return [order.body.get("additionalInfo") for order in world.bank.orders]


@pytest.mark.parametrize(
    ("chosen", "info", "stored"),
    [(None, BY_BI_FAST, BI_FAST), (BI_FAST, BY_BI_FAST, BI_FAST), (SWITCH, BY_SWITCH, SWITCH)],
)
async def test_a_transfer_names_the_route_of_its_account_and_keeps_it(
    world: World, chosen: InterbankRoute | None, info: dict[str, str], stored: InterbankRoute
) -> None:
    id_ = await make(world, interbank_route=chosen)
    assert (await world.find(id_)).interbank_route is None

    await world.send(id_)

    assert sent(world) == [info]
    transfer = await world.find(id_)
    assert (transfer.status, transfer.interbank_route) == (PAID, stored)


@pytest.mark.parametrize(
    ("profile", "to_bank", "chosen"),
    [("bca", BANK_CODE, SWITCH), ("generic-hmac", ELSEWHERE, None)],
    ids=["within the bank", "no choice"],
)
async def test_a_transfer_without_a_choice_names_no_route(
    world: World, profile: str, to_bank: str, chosen: InterbankRoute | None
) -> None:
    id_ = await make(world, profile=profile, to_bank=to_bank, interbank_route=chosen)

    await world.send(id_)

    assert sent(world) == [None]
    transfer = await world.find(id_)
    assert (transfer.status, transfer.interbank_route) == (PAID, None)


async def test_the_holder_is_asked_for_by_the_same_route(
    database: Database, bank: Bank, settings: Settings, world: World
) -> None:
    checking = World(database, bank, settings.model_copy(update={"payout_check_names": True}))
    id_ = await make(world, interbank_route=SWITCH)

    await checking.send(id_)

    assert bank.calls == ["account-inquiry-external", "transfer-interbank"]
    assert [each["additionalInfo"] for each in bank.asked] == [{"inquiryService": "1"}]
    assert sent(world) == [BY_SWITCH]


async def test_what_bi_fast_cannot_reach_has_failed_and_goes_by_the_switch_when_an_officer_says_so(
    world: World,
) -> None:
    first = await make(world)
    world.bank.script = ["4031815"]
    await world.send(first)
    failed = await world.find(first)
    attempts = (failed.status, failed.response_code, (await world.last(failed.payout_id)).attempt)

    await choose(world, SWITCH)
    second = await try_again(world, failed)
    await world.send(second)

    assert attempts == (FAILED, "4031815", 1)
    assert sent(world) == [BY_BI_FAST, BY_SWITCH]
    before, after = await world.find(first), await world.find(second)
    assert (before.status, before.interbank_route) == (FAILED, BI_FAST)
    assert (after.status, after.interbank_route) == (PAID, SWITCH)


async def test_what_is_asked_about_keeps_the_route_it_was_sent_by(world: World) -> None:
    id_ = await make(world, interbank_route=BI_FAST)
    world.bank.script = ["lost"]
    await world.send(id_)
    await choose(world, SWITCH)

    async with world.database.read() as session:
        attempt = await service.find_attempt(session, id_)
    assert attempt is not None
    client = world.clients.disbursement(attempt.route)
    assert attempt.external_id is not None
    assert attempt.request_timestamp is not None
    order = service.make_order(
        attempt,
        client.rules,
        external_id=attempt.external_id,
        requested_at=attempt.request_timestamp,
    )
    await world.ask(id_)

    assert order.route is BI_FAST
    transfer = await world.find(id_)
    assert (transfer.status, transfer.interbank_route) == (PAID, BI_FAST)


async def test_a_route_that_changes_before_a_transfer_is_marked_as_sent_holds_it_back(
    world: World,
) -> None:
    id_ = await make(world, interbank_route=BI_FAST)
    async with world.database.read() as session:
        attempt = await service.find_attempt(session, id_)
    assert attempt is not None
    await choose(world, SWITCH)

    order = await world.sender.claim(
        world.database, attempt, world.clients.disbursement(attempt.route)
    )
    status = await world.status(id_)
    await world.send(id_)

    assert (order, status) == (None, CREATED)
    assert sent(world) == [BY_SWITCH]
    assert await world.status(id_) is PAID
