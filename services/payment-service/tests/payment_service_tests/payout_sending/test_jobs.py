"""Rounds order jobs and jobs send; a worker that dies loses none and doubles none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from uuid import UUID

import pytest
from payment_service_tests.payout_bank import Bank
from payment_service_tests.payout_world import NET, World, make_payouts

from payment_service.payout_sending import tasks as sending
from payment_service.payout_settlement import tasks as settlement
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.jobs.runner import JobRunner
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Urls

pytestmark = pytest.mark.soak

WAIT_S = 120
SETTLED = {TransferStatus.PAID, TransferStatus.FAILED}


@pytest.fixture
async def real(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    settings: Settings,
    bank: Bank,
    noon: BusinessTime,
) -> AsyncIterator[World]:
    """A world on a database of its own, where jobs run."""
    database = Database(own_database("payment").app, keyring=keyring)
    yield World(database, bank, settings)
    await database.dispose()


def start(world: World, *, grace_s: float = 10) -> "asyncio.Task[None]":
    handlers = {
        **sending.list_handlers(world.sender),
        **settlement.list_handlers(world.settler),
    }
    runner = JobRunner(handlers, poll_s=0.2, abandoned_s=1, grace_s=grace_s)
    return asyncio.create_task(runner.run(world.database))


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def wait_for(world: World, ids: list[UUID], statuses: set[TransferStatus]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not {await world.status(id_) for id_ in ids} <= statuses:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.race
async def test_two_workers_send_a_run_once_and_settle_what_is_unclear(real: World) -> None:
    ids = list(await make_payouts(real.database, 12))
    real.bank.script = ["ok", "lost", "garbage", "ok", "5041700", "+2021700", "lost"]
    workers = [start(real), start(real)]

    await real.sender.dispatch(real.database)
    await wait_for(real, ids, SETTLED)
    for worker in workers:
        await stop(worker)

    paid = [id_ for id_ in ids if await real.status(id_) is TransferStatus.PAID]
    assert real.bank.transfers == len(ids)
    assert len(real.bank.executed) == len(paid)
    assert await real.count_paid() == len(paid) * NET


@pytest.mark.race
async def test_a_worker_stopped_in_the_middle_of_a_call_leaves_it_to_the_next(real: World) -> None:
    (id_,) = await make_payouts(real.database, 1)
    real.bank.hangs = asyncio.Event()
    await real.sender.dispatch(real.database)

    worker = start(real, grace_s=0)
    await wait_for(real, [id_], {TransferStatus.SENT})
    await real.bank.hangs.wait()
    await stop(worker)
    left = await real.status(id_)
    second = start(real)
    await wait_for(real, [id_], SETTLED)
    await stop(second)

    assert left is TransferStatus.SENT
    assert await real.status(id_) is TransferStatus.PAID
    assert real.bank.transfers == 1
