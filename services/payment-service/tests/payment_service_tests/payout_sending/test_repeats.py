"""What a bank was too busy for is sent again by itself, as long as its approval holds."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from payment_service_tests.office import dismiss
from payment_service_tests.payout_bank import Bank
from payment_service_tests.payout_world import NET, World, change_bank_account, make_payouts
from sqlalchemy import text

from payment_service.payout_sending import service
from payment_service.payout_transfers.rules import Report, TransferSource, TransferStatus
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import WithdrawalReason
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

PAID, FAILED, CREATED = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.CREATED
BUSY = Report(TransferSource.BANK_ANSWER, response_code="4291700")


async def find_payout(world: World, payout_id: UUID) -> Payout:
    async with world.database.read() as session:
        return await session.get_one(Payout, payout_id)


async def test_too_many_requests_are_tried_again_later_with_new_references(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["4291700", "ok"]

    await world.send(id_)

    first = await world.find(id_)
    second = await world.last(first.payout_id)
    assert (first.status, second.status, second.attempt) == (FAILED, CREATED, 2)
    assert first.partner_reference_no != second.partner_reference_no
    async with world.database.read() as session:
        wait = await session.scalar(
            text("SELECT execute_after - now() FROM pgqueuer WHERE dedupe_key = :key"),
            {"key": f"{service.SEND}:{second.id}"},
        )
    assert wait > timedelta(seconds=20)
    assert await world.list_events() == []

    await world.send(second.id)
    assert await world.status(second.id) is PAID
    assert len(world.bank.executed) == 1
    assert await world.count_paid() == NET


@pytest.mark.parametrize("change", ["dismissed", "account"])
async def test_what_a_bank_was_too_busy_for_is_not_sent_again_once_it_has_changed(
    world: World, change: str
) -> None:
    (id_,) = await make_payouts(world.database, 1)
    payout_id = (await world.find(id_)).payout_id

    async def happen() -> None:
        async with world.database.begin() as session:
            agent_id = (await find_payout(world, payout_id)).payee_id
            if change == "dismissed":
                await dismiss(session, agent_id)
            else:
                await change_bank_account(session, agent_id, new_id())

    world.bank.script, world.bank.before_transfer = ["4291700", "ok"], happen

    await world.send(id_)

    last = await world.last(payout_id)
    assert (last.id, last.status) == (id_, FAILED)
    assert await world.list_events() == ["payout.failed.v1"]


async def test_a_bank_that_stays_too_busy_is_left_to_an_officer(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["4291700"] * 10
    payout_id = (await world.find(id_)).payout_id

    for _ in range(world.settings.payout_repeat_max + 1):
        await world.send((await world.last(payout_id)).id)

    last = await world.last(payout_id)
    assert (last.status, last.attempt) == (FAILED, world.settings.payout_repeat_max + 1)
    assert await world.list_events() == ["payout.failed.v1"]


@pytest.mark.race
async def test_a_dismissal_waits_for_what_is_being_sent_again_and_withdraws_it(
    own_database: Callable[[str], Urls], keyring: Keyring, settings: Settings, noon: BusinessTime
) -> None:
    database = Database(own_database("payment").app, keyring=keyring)
    world = World(database, Bank(), settings)
    (id_,) = await make_payouts(database, 1)
    payout_id = (await world.find(id_)).payout_id
    async with database.begin() as session:
        agent_id = (await session.get_one(Payout, payout_id)).payee_id
        await payouts.mark_sent(
            session, id_, external_id="1", request_timestamp=clock.now(), next_inquiry_at=None
        )
        attempt = await service.find_attempt(session, id_)

    async def dismiss_agent() -> None:
        async with database.begin() as session:
            await dismiss(session, agent_id)

    assert attempt is not None
    async with database.begin() as session:
        await service.repeat(session, attempt, BUSY)
        dismissing = asyncio.create_task(dismiss_agent())
        await asyncio.wait([dismissing], timeout=0.3)
        waited = not dismissing.done()
    await dismissing
    last, payout = await world.last(payout_id), await find_payout(world, payout_id)
    await database.dispose()

    assert waited
    assert (last.attempt, last.status) == (2, FAILED)
    assert payout.withdrawn_reason is WithdrawalReason.HELD
