"""Each transfer is sent at most once, whatever the bank does and wherever we die."""

import asyncio
from collections.abc import Callable
from datetime import datetime, time, timedelta

import httpx
import pytest
from payment_service_tests.payout_bank import Bank, Killed
from payment_service_tests.payout_world import (
    AT_NOON,
    NET,
    World,
    make_account,
    make_payout,
    make_payouts,
    make_run,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_runs.rules import RunStatus
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
CREATED, SENT = TransferStatus.CREATED, TransferStatus.SENT


async def test_a_transfer_is_paid_and_booked(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)

    await world.send(id_)

    transfer = await world.find(id_)
    (order,) = world.bank.orders
    assert (transfer.status, transfer.reference_no, transfer.response_code) == (
        PAID,
        "R-1",
        "2001700",
    )
    assert order.body["partnerReferenceNo"] == transfer.partner_reference_no
    assert order.external_id == transfer.external_id
    assert order.body["remark"].startswith(transfer.remark_code)
    assert transfer.request_timestamp is not None
    assert datetime.fromisoformat(order.body["transactionDate"]) == transfer.request_timestamp
    assert await world.count_paid() == NET
    assert await world.list_events() == ["payout.paid.v1"]


async def test_another_bank_is_paid_by_service_18(world: World) -> None:
    async with world.database.begin() as session:
        account = await make_account(session)
        id_ = await make_payout(session, account, to_bank="008")

    await world.send(id_)

    assert await world.status(id_) is PAID
    assert world.bank.calls == ["transfer-interbank"]
    assert world.bank.orders[0].body["beneficiaryBankCode"] == "008"


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("ok", PAID),
        ("+2021700", UNKNOWN),
        ("4001701", FAILED),
        ("4011700", FAILED),
        ("4031714", FAILED),
        ("4041702", FAILED),
        ("4041703", FAILED),
        ("4041711", FAILED),
        ("4041713", FAILED),
        ("+4041718", UNKNOWN),
        ("4041701", UNKNOWN),
        ("+4091701", UNKNOWN),
        ("4091700", UNKNOWN),
        ("5001700", UNKNOWN),
        ("5001701", UNKNOWN),
        ("5041700", UNKNOWN),
        ("2001800", UNKNOWN),
        ("lost", UNKNOWN),
        ("unheard", UNKNOWN),
        ("garbage", UNKNOWN),
        ("foreign", UNKNOWN),
    ],
)
async def test_a_first_answer_makes_of_a_transfer_what_the_table_says(
    world: World, behaviour: str, status: TransferStatus
) -> None:
    """Each row of docs/snap.md 4.5 that a transfer itself can have."""
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = [behaviour]

    await world.send(id_)
    await world.send(id_)

    assert await world.status(id_) is status
    assert world.bank.transfers == 1
    if status is UNKNOWN:
        transfer = await world.find(id_)
        assert transfer.next_inquiry_at is not None
        assert timedelta(seconds=5) <= transfer.next_inquiry_at - AT_NOON < timedelta(minutes=1)


class Broken(Exception):
    """An error that nobody expects."""


@pytest.mark.parametrize("error", [Broken(), httpx.ConnectError("x"), KeyError("x"), OSError()])
async def test_any_error_after_the_sending_is_unknown(
    database: Database, settings: Settings, noon: BusinessTime, error: Exception
) -> None:
    bank = Bank()

    async def fail() -> None:
        raise error

    bank.before_transfer = fail
    world = World(database, bank, settings)
    (id_,) = await make_payouts(database, 1)

    await world.send(id_)

    assert await world.status(id_) is UNKNOWN


async def test_an_error_of_our_own_after_the_answer_is_unknown(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    begun = 0

    async def fail(_: AsyncSession) -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            raise Broken

    await world.send(id_, world.database.with_guard(fail))

    assert len(world.bank.executed) == 1
    assert await world.status(id_) is UNKNOWN
    await world.ask(id_)
    assert await world.status(id_) is PAID


async def test_a_bank_without_tokens_leaves_a_transfer_as_it_was(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.is_issuing_tokens = False

    await world.send(id_)

    assert await world.status(id_) is CREATED
    assert world.bank.calls == []


@pytest.mark.parametrize("behaviour", ["killed_before", "killed"])
async def test_a_worker_that_dies_in_the_call_never_sends_again(
    world: World, behaviour: str
) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = [behaviour]

    with pytest.raises(Killed):
        await world.send(id_)
    left = await world.status(id_)
    await world.send(id_)
    await world.send(id_)

    assert left is SENT
    assert await world.status(id_) is UNKNOWN
    assert world.bank.transfers == 1


@pytest.mark.parametrize("at", [1, 2])
async def test_a_worker_that_dies_at_a_transaction_never_sends_twice(world: World, at: int) -> None:
    """At the first one nothing was sent; at the second one the answer is lost."""
    (id_,) = await make_payouts(world.database, 1)
    begun = 0

    async def die(_: AsyncSession) -> None:
        nonlocal begun
        begun += 1
        if begun == at:
            raise Killed

    with pytest.raises(Killed):
        await world.send(id_, world.database.with_guard(die))
    left = await world.status(id_)
    await world.send(id_)

    assert left is {1: CREATED, 2: SENT}[at]
    assert await world.status(id_) is {1: PAID, 2: UNKNOWN}[at]
    assert world.bank.transfers == 1


async def test_a_transfer_keeps_its_references_until_it_is_sent(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    before = await world.find(id_)

    async def die(_: AsyncSession) -> None:
        raise Killed

    with pytest.raises(Killed):
        await world.send(id_, world.database.with_guard(die))
    await world.send(id_)

    assert world.bank.orders[0].body["partnerReferenceNo"] == before.partner_reference_no


@pytest.mark.race
async def test_two_workers_at_once_send_once(
    own_database: Callable[[str], Urls], keyring: Keyring, settings: Settings, noon: BusinessTime
) -> None:
    database = Database(own_database("payment").app, keyring=keyring)
    world = World(database, Bank(), settings)
    ids = await make_payouts(database, 8)
    others = World(database, world.bank, settings)

    await asyncio.gather(*(each.send(id_) for id_ in ids for each in (world, others)))

    statuses = {await world.status(id_) for id_ in ids}
    await database.dispose()
    assert world.bank.transfers == len(ids)
    assert statuses <= {PAID, UNKNOWN}


@pytest.mark.race
async def test_two_workers_do_not_pass_the_limit_of_a_day_together(
    own_database: Callable[[str], Urls], keyring: Keyring, settings: Settings, noon: BusinessTime
) -> None:
    database = Database(own_database("payment").app, keyring=keyring)
    world = World(database, Bank(), settings)
    ids = await make_payouts(database, 6, daily_cap=3 * NET, transfer_max=NET)

    await asyncio.gather(*(world.send(id_) for id_ in ids))

    statuses = [await world.status(id_) for id_ in ids]
    await database.dispose()
    assert sorted(statuses) == sorted([PAID] * 3 + [CREATED] * 3)
    assert len(world.bank.executed) == 3


async def test_the_limit_of_a_day_is_free_again_on_the_next(
    world: World, noon: BusinessTime
) -> None:
    ids = await make_payouts(world.database, 2, daily_cap=NET, transfer_max=NET)

    for id_ in ids:
        await world.send(id_)
    today = [await world.status(id_) for id_ in ids]
    noon.at(AT_NOON + timedelta(days=1))
    await world.send(ids[1])

    assert today == [PAID, CREATED]
    assert await world.status(ids[1]) is PAID


async def test_what_was_refused_does_not_count_for_the_day(world: World) -> None:
    ids = await make_payouts(world.database, 2, daily_cap=NET, transfer_max=NET)
    world.bank.script = ["4041711", "ok"]

    for id_ in ids:
        await world.send(id_)

    assert [await world.status(id_) for id_ in ids] == [FAILED, PAID]


async def test_nothing_goes_after_the_cut_off(world: World, noon: BusinessTime) -> None:
    (id_,) = await make_payouts(world.database, 1, cut_off=time(11, 59))

    await world.send(id_)
    assert not await world.sender.dispatch(world.database)

    assert await world.status(id_) is CREATED
    assert world.bank.calls == []


async def test_the_stop_pressed_in_the_middle_keeps_the_rest(world: World) -> None:
    ids = await make_payouts(world.database, 3)

    await world.send(ids[0])
    async with world.database.begin() as session:
        await payout_accounts.stop(session, reason="Salah rekening.", by=new_id())
    for id_ in ids:
        await world.send(id_)
    assert not await world.sender.dispatch(world.database)

    assert [await world.status(id_) for id_ in ids] == [PAID, CREATED, CREATED]


async def test_what_was_sent_before_the_stop_is_still_settled(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["lost"]
    await world.send(id_)

    async with world.database.begin() as session:
        await payout_accounts.stop(session, reason="Salah rekening.", by=new_id())
    await world.ask(id_)

    assert await world.status(id_) is PAID


async def test_nothing_is_sent_of_a_run_that_is_not_released_or_a_payout_that_was_withdrawn(
    world: World,
) -> None:
    async with world.database.begin() as session:
        account = await make_account(session)
        run = await make_run(
            session, account, status=RunStatus.APPROVED, released_at=None, released_by=None
        )
        ids = [
            await make_payout(session, account, run),
            await make_payout(session, account),
        ]
    payout_id = (await world.find(ids[1])).payout_id
    await world.execute(
        "UPDATE payouts SET withdrawn_at = now(), withdrawn_reason = 'held' WHERE id = :id",
        id=payout_id,
    )

    for id_ in ids:
        await world.send(id_)

    assert [await world.status(id_) for id_ in ids] == [CREATED, CREATED]
    assert world.bank.transfers == 0


async def test_a_suspended_account_or_bank_sends_nothing(world: World) -> None:
    ids = [*await make_payouts(world.database, 1), *await make_payouts(world.database, 1)]
    first, second = [(await world.find(id_)).payout_account_id for id_ in ids]
    await world.execute("UPDATE payout_accounts SET status = 'suspended' WHERE id = :id", id=first)
    await world.execute(
        "UPDATE bank_partners SET status = 'suspended' WHERE id ="
        " (SELECT bank_partner_id FROM payout_accounts WHERE id = :id)",
        id=second,
    )

    for id_ in ids:
        await world.send(id_)
    assert not await world.sender.dispatch(world.database)

    assert [await world.status(id_) for id_ in ids] == [CREATED, CREATED]
