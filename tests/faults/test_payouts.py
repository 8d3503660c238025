"""Payouts while the bank fails in every way and the worker is killed at every step.

Over real sockets. Each random course has its own payees, trouble and kills; after it comes a quiet
time in which everything settles. Then nobody was paid twice or never, and all books agree.
SOAK_PAYOUT_RUNS and SOAK_SEED say how many courses `make soak` takes, and which: docs/testing.md.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg
import pytest
from stage.paid import Connection, find_faults
from stage.paying import (
    HOLDER,
    MONTH,
    Keys,
    OurAccount,
    Owed,
    PayingBank,
    open_accounts,
    owe,
    paying_bank,
    write_payees,
)
from stage.paying_lives import LOG_FILE, Lives, worker_lives
from stage.paying_worker import Step
from stage.waiting import until

from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunVerdict
from payment_service.payouts import service as payouts
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import GATEWAY, ISSUER, Urls

COURSES = int(os.environ.get("SOAK_PAYOUT_RUNS", "1000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
CHECKED = 1
"""Random courses of every `make check`."""
PAYEES = 3
LIFE_S = 3.0
"""A life that does not reach its step is killed after this time, wherever it is."""
LATEST = {
    Step.BEFORE_TRANSFER: 2,
    Step.AFTER_TRANSFER: 2,
    Step.BEFORE_CALL: 5,
    Step.AFTER_CALL: 5,
    Step.BEFORE_COMMIT: 25,
    Step.AFTER_COMMIT: 25,
}
"""A random course kills the worker once at each kind of step, at most so many after its start."""
SHARE = 0.7
"""So many of the transfers meet trouble, and a third of it of the inquiries."""
SETTLED_S = 120.0
MOST_STEPS = 300

CLOSE_MONTH = "UPDATE commission_watermark SET closed_through = $1"
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
PROPOSED = "SELECT id FROM payout_runs WHERE status = 'proposed'"
FAILED = "SELECT id FROM payouts WHERE status = 'failed'"
OPEN = "SELECT count(*) FROM payout_runs WHERE status NOT IN ('done', 'rejected')"
UNPAID = """
    SELECT count(*) FROM statements WHERE NOT EXISTS (
        SELECT FROM payout_items WHERE statement_id = statements.id AND is_live)
"""
UNTRIED = """
    SELECT count(*) FROM statements WHERE NOT EXISTS (
        SELECT FROM payout_items AS item JOIN payout_transfers USING (payout_id)
        WHERE statement_id = statements.id AND sent_at IS NOT NULL
            AND payout_transfers.status <> 'sent')
"""
PAID = "SELECT external_id FROM payout_transfers WHERE status = 'paid'"


@dataclass
class Stage:
    """Everything that a course needs. owner: a connection that may change any row."""

    database: Database
    owner: Connection
    bank: PayingBank
    accounts: list[OurAccount]
    lives: Lives
    folder: Path

    async def begin(self, random: Random, account: OurAccount, *, count: int) -> "Course":
        """Owe so many payees, and let an officer propose to pay them."""
        async with self.database.begin() as session:
            owed = await owe(session, self.bank, account, random, count=count)
        write_payees(self.folder, owed.payees)
        course = Course(self, owed, skip=len(await self.bank.read("/transfers")))
        await course.propose()
        return course


@dataclass
class Course:
    """One random course. skip: how many transfers the bank had taken before it."""

    stage: Stage
    owed: Owed
    skip: int

    async def propose(self) -> None:
        async with self.stage.database.begin() as session:
            account_id = self.owed.account.id
            await runs.propose(
                session, through_month=MONTH, payout_account_id=account_id, by=new_id()
            )

    async def decide(self) -> None:
        """Let officers approve and release what was proposed, and try again what has failed."""
        for row in await self.stage.owner.fetch(PROPOSED):
            async with self.stage.database.begin() as session:
                await runs.decide(session, row["id"], verdict=RunVerdict.APPROVED, by=new_id())
            async with self.stage.database.begin() as session:
                await runs.release(session, row["id"], by=new_id())
        for row in await self.stage.owner.fetch(FAILED):
            async with self.stage.database.begin() as session:
                await payouts.retry(session, row["id"], by=new_id())

    async def live(self, kill_at: tuple[Step, int], *, at_most_s: float) -> bool:
        """Let the worker work until its step; return whether it was killed there.

        Otherwise it is killed when its time is over or everything is paid.
        """
        await self.stage.lives.begin(kill_at)
        ended = asyncio.ensure_future(self.stage.lives.wait(at_most_s=at_most_s))

        async def is_over() -> bool:
            await self.decide()
            return ended.done() or not await self.stage.owner.fetchval(OPEN)

        assert await until(is_over)
        was_killed = ended.done() and ended.result()
        if not ended.done():
            self.stage.lives.kill()
            await ended
        await self.stage.owner.execute(AFTER_A_DEATH + HURRY)
        return was_killed

    async def end(self) -> list[str]:
        """Let everything settle; return what is wrong then."""
        await self.stage.lives.begin()
        # However little the killed workers came to do, each payee meets the trouble of the bank.
        assert await until(self._is_tried, patience_s=SETTLED_S)
        await self.stage.bank.post("/plans/clear")
        is_settled = await until(self._settle, patience_s=SETTLED_S)
        await self.stage.lives.stop()
        if not is_settled:
            return ["not everything is settled"]
        at_bank = await self._read_transfers()
        found = await find_faults(self.stage.owner, self.stage.bank, self.owed, at_bank)
        return [*found, *self._find_leaks()]

    async def _is_tried(self) -> bool:
        await self.stage.owner.execute(HURRY)
        await self.decide()
        return not await self.stage.owner.fetchval(UNTRIED)

    def _find_leaks(self) -> list[str]:
        """Return what of an account the worker has logged, and forget the log."""
        log = self.stage.folder / LOG_FILE
        logged, private = log.read_text(), {HOLDER, self.owed.account.account_no}
        private |= {payee.account_no for payee in self.owed.payees}
        log.unlink()
        return ["an account is in the log"] if any(each in logged for each in private) else []

    async def _settle(self) -> bool:
        """Do what officers and time do; return whether all is paid and the bank agrees."""
        owner = self.stage.owner
        await owner.execute(HURRY)
        at_bank = await self._read_transfers()
        if any(each["state"] == "waiting" for each in at_bank):
            return False
        await owner.execute(A_DAY_LATER)
        await self.decide()
        if await owner.fetchval(OPEN):
            return False
        paid = {row["external_id"] for row in await owner.fetch(PAID)}
        if any(each["state"] == "returned" and each["external_id"] in paid for each in at_bank):
            return False  # the worker has still to notice
        if await owner.fetchval(UNPAID):
            await self.propose()  # for those whose money came back
            return False
        return True

    async def _read_transfers(self) -> list[dict[str, object]]:
        return await self.stage.bank.read(f"/transfers?skip={self.skip}")


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
        "PERISAI_AGENT_URL": "http://agent",
        "PERISAI_MEMBER_URL": "http://member",
        "sandbox": True,
        "run_worker": False,
    }
    keys = Keys.make(tmp_path)
    database = Database(urls.app, keyring=keyring, pool_size=2)
    owner = await asyncpg.connect(urls.owner.replace("postgresql+asyncpg", "postgresql"))
    await owner.execute(CLOSE_MONTH, str(MONTH))
    async with paying_bank(keys) as bank, worker_lives(settings, tmp_path) as lives:
        async with database.begin() as session:
            accounts = await open_accounts(session, bank, keys)
        yield Stage(database, owner, bank, accounts, lives, tmp_path)
    await owner.close()
    await database.dispose()


async def take(stage: Stage, seed: int) -> list[str]:
    """Take one random course with its quiet time; return what is wrong after it."""
    random = Random(seed)
    course = await stage.begin(random, random.choice(stage.accounts), count=PAYEES)
    await stage.bank.post("/plans/random", seed=str(seed), share=SHARE)
    for step in random.sample(list(Step), len(Step)):
        await course.live((step, random.randint(1, LATEST[step])), at_most_s=LIFE_S)
    return await course.end()


@pytest.mark.e2e
async def test_nobody_is_paid_twice_or_never_in_a_few_random_courses(stage: Stage) -> None:
    for seed in range(1, 1 + CHECKED):
        assert await take(stage, seed) == [], f"SOAK_SEED={seed}"


@pytest.mark.soak
async def test_nobody_is_paid_twice_or_never_in_many_random_courses(stage: Stage) -> None:
    for seed in range(SEED, SEED + COURSES):
        assert await take(stage, seed) == [], f"SOAK_SEED={seed}"


@pytest.mark.soak
@pytest.mark.parametrize("step", Step)
async def test_a_kill_at_each_single_step_of_a_payment(stage: Stage, step: Step) -> None:
    """The bank works, so that the steps are the same each time until the payee is paid."""
    for number in range(1, MOST_STEPS):
        course = await stage.begin(Random(number), stage.accounts[0], count=1)
        was_killed = await course.live((step, number), at_most_s=SETTLED_S)
        assert await course.end() == [], f"killed at {step} {number}"
        if not was_killed:
            return
    pytest.fail("a payment has more steps than were tried")
