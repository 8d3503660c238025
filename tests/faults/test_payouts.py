"""Payouts while the bank fails in every way and the worker is killed at every step.

Over real sockets. Each random run has its own payees, trouble and kills; after it comes a quiet
time in which everything settles. Then nobody was paid twice or never, and all books agree.
SOAK_PAYOUT_RUNS and SOAK_SEED say how many runs `make soak` makes, and which: docs/testing.md.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

import asyncpg
import pytest
from stage.paid import Connection, find_faults
from stage.paying import (
    Keys,
    OurAccount,
    Owed,
    Payee,
    PayingBank,
    open_accounts,
    owe,
    paying_bank,
    release,
)
from stage.paying_lives import Lives, worker_lives
from stage.paying_worker import Step
from stage.waiting import until

from payment_service.payouts import service as payouts
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import GATEWAY, ISSUER, Urls

RUNS = int(os.environ.get("SOAK_PAYOUT_RUNS", "1000"))
CHECKED = 2
"""Random runs of every `make check`."""
SEED = int(os.environ.get("SOAK_SEED", "1"))
PAYEES = 3
LIFE_S = 3.0
"""A life that does not reach its step is killed after this time, wherever it is."""
LATEST = {
    Step.BEFORE_TRANSFER: 2,
    Step.AFTER_TRANSFER: 2,
    Step.BEFORE_CALL: 4,
    Step.AFTER_CALL: 4,
    Step.BEFORE_COMMIT: 20,
    Step.AFTER_COMMIT: 20,
}
"""A random run kills the worker once at each kind of step, at most so many after its start."""
SHARE = 0.7
"""So many of the transfers meet trouble, and a third of it of the inquiries."""
SETTLED_S = 120.0
MOST_STEPS = 200

HURRY = """
    UPDATE pgqueuer SET execute_after = now() WHERE status = 'queued' AND execute_after > now();
    UPDATE payout_transfers SET next_inquiry_at = now()
    WHERE status IN ('sent', 'unknown') AND next_inquiry_at > now();
"""
"""Every pause is over."""
AFTER_A_DEATH = """
    UPDATE periodic_leases SET expires_at = now();
    UPDATE pgqueuer SET heartbeat = now() - interval '1 hour' WHERE status = 'picked';
"""
"""What the dead worker held is free, as it is half a minute later."""
A_DAY_LATER = """
    UPDATE payout_transfers SET request_timestamp = request_timestamp - interval '25 hours'
    WHERE status = 'unknown' AND sent_at < now() - interval '2 seconds'
        AND request_timestamp > now() - interval '1 day'
"""
"""The bank's window for what it does not know has passed. Nothing waits at the bank any more."""
OPEN = """
    SELECT count(*) FROM payouts
    WHERE payee_id = ANY ($1) AND status IN ('created', 'sent', 'unknown')
"""
FAILED = "SELECT id FROM payouts WHERE payee_id = ANY ($1) AND status = 'failed'"
RETURNED = """
    SELECT payee_id FROM payouts WHERE payee_id = ANY ($1) GROUP BY payee_id
    HAVING bool_and(status = 'returned')
"""
PAID = "SELECT external_id FROM payout_transfers WHERE status = 'paid'"


@dataclass
class Stage:
    """Everything that a random run needs. owner: a connection that may change any row."""

    database: Database
    owner: Connection
    bank: PayingBank
    accounts: list[OurAccount]
    lives: Lives
    log: Path


@pytest.fixture
async def stage(
    own_database: Callable[[str], Urls],
    keyring: Keyring,
    test_secrets: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[Stage]:
    urls = own_database("payment")
    settings = {
        **test_secrets,
        "database_url": urls.app,
        "gateway_url": GATEWAY,
        "issuer": ISSUER,
        "PERISAI_AGENT_URL": "http://agent.test",
        "PERISAI_MEMBER_URL": "http://member.test",
        "sandbox": True,
        "run_worker": False,
    }
    keys, log = Keys.make(tmp_path), tmp_path / "worker.log"
    database = Database(urls.app, keyring=keyring, pool_size=2)
    owner = await asyncpg.connect(urls.owner.replace("postgresql+asyncpg", "postgresql"))
    async with paying_bank(keys) as bank, worker_lives(settings, log) as lives:
        async with database.begin() as session:
            accounts = await open_accounts(session, bank, keys)
        yield Stage(database, owner, bank, accounts, lives, log)
    await owner.close()
    await database.dispose()


@pytest.mark.e2e
async def test_nobody_is_paid_twice_or_never_in_a_few_random_runs(stage: Stage) -> None:
    for seed in range(1, 1 + CHECKED):
        assert await run(stage, seed) == [], f"SOAK_SEED={seed}"


@pytest.mark.soak
async def test_nobody_is_paid_twice_or_never_in_many_random_runs(stage: Stage) -> None:
    for seed in range(SEED, SEED + RUNS):
        assert await run(stage, seed) == [], f"SOAK_SEED={seed}"


@pytest.mark.soak
@pytest.mark.parametrize("step", Step)
async def test_a_kill_at_each_single_step_of_a_payment(stage: Stage, step: Step) -> None:
    """The bank works, so that the steps are the same each time until the payee is paid."""
    (account, *_) = stage.accounts
    for number in range(1, MOST_STEPS):
        before = len(await stage.bank.read("/transfers"))
        async with stage.database.begin() as session:
            owed = await owe(session, stage.bank, account, Random(number), count=1)
            await release(session, account, owed.payees)
        await stage.lives.begin((step, number))
        ids = [payee.agent_id for payee in owed.payees]
        is_over = await until_killed(stage, ids)
        await stage.owner.execute(AFTER_A_DEATH + HURRY)
        assert await end_quietly(stage, owed, skip=before) == []
        if is_over:
            return
    pytest.fail("a payment has more steps than were tried")


async def until_killed(stage: Stage, ids: list[UUID]) -> bool:
    """Wait until the worker is killed at its step; True where the payee was paid before."""
    ended = asyncio.ensure_future(stage.lives.wait(at_most_s=SETTLED_S))

    async def is_paid() -> bool:
        return ended.done() or not await stage.owner.fetchval(OPEN, ids)

    assert await until(is_paid, patience_s=SETTLED_S)
    if ended.done():
        return False
    stage.lives.kill()
    await ended
    return True


async def run(stage: Stage, seed: int) -> list[str]:
    """Make one random run with its quiet time; return what is wrong after it."""
    random = Random(seed)
    account = random.choice(stage.accounts)
    async with stage.database.begin() as session:
        owed = await owe(session, stage.bank, account, random, count=PAYEES)
        await release(session, account, owed.payees)
    before = len(await stage.bank.read("/transfers"))
    await stage.bank.post("/plans/random", seed=str(seed), share=SHARE)
    for step in random.sample(list(Step), len(Step)):
        await stage.lives.begin((step, random.randint(1, LATEST[step])))
        await stage.lives.wait(at_most_s=LIFE_S)
        await stage.owner.execute(AFTER_A_DEATH + HURRY)
    await stage.bank.post("/plans/clear")
    return await end_quietly(stage, owed, skip=before)


async def end_quietly(stage: Stage, owed: Owed, *, skip: int) -> list[str]:
    """Let everything settle with a bank and a worker that work; return what is wrong then.

    skip: how many transfers the bank had taken before.
    """
    await stage.lives.begin()
    is_settled = await until(lambda: settle(stage, owed, skip=skip), patience_s=SETTLED_S)
    await stage.lives.stop()
    if not is_settled:
        return ["not everything is settled"]
    at_bank = await stage.bank.read(f"/transfers?skip={skip}")
    return await find_faults(stage.owner, stage.bank, owed, at_bank)


async def settle(stage: Stage, owed: Owed, *, skip: int) -> bool:
    """Do what officers and time do; return whether all is paid and the bank agrees.

    skip: how many transfers the bank had taken before.
    """
    ids = [payee.agent_id for payee in owed.payees]
    await stage.owner.execute(HURRY)
    at_bank = await stage.bank.read(f"/transfers?skip={skip}")
    if any(each["state"] == "waiting" for each in at_bank):
        return False
    await stage.owner.execute(A_DAY_LATER)
    for row in await stage.owner.fetch(FAILED, ids):
        async with stage.database.begin() as session:
            await payouts.retry(session, row["id"], by=new_id())
    returned = await pay_returned(stage, owed, ids)
    noticed = {row["external_id"] for row in await stage.owner.fetch(PAID)}
    unnoticed = [
        each for each in at_bank if each["state"] == "returned" and each["external_id"] in noticed
    ]
    is_open = bool(await stage.owner.fetchval(OPEN, ids))
    return not returned and not unnoticed and not is_open


async def pay_returned(stage: Stage, owed: Owed, ids: list[UUID]) -> list[Payee]:
    """Let a later run pay those whose money came back; return them."""
    back = {row["payee_id"] for row in await stage.owner.fetch(RETURNED, ids)}
    again = [payee for payee in owed.payees if payee.agent_id in back]
    if again:
        async with stage.database.begin() as session:
            await release(session, owed.account, again)
    return again
