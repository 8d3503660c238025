"""Random courses of payouts: trouble at the bank, kills of the worker, and quiet time after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
from stage.paid import Connection, find_faults
from stage.paying import MONTH, Keys, OurAccount, PayingBank, open_accounts, paying_bank
from stage.paying_lives import LOG_FILE, Lives, worker_lives
from stage.paying_payees import HOLDER, Owed, owe, write_payees
from stage.paying_tally import Tally
from stage.paying_worker import Step
from stage.waiting import until

from payment_service.payout_releases import service as payout_releases
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunVerdict
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import GATEWAY, ISSUER, Urls
from sandbox.fakebank.deliveries import Delivery
from sandbox.fakebank.journal import MAX_ENTRIES

PAYEES = 3
MOST_KILLS = 2
"""A course kills the worker so often at most, at another kind of step each time."""
LIFE_S = 20.0
"""A life that does not reach its step is killed after this time, wherever it is."""
LATEST = {
    Step.BEFORE_TRANSFER: 2,
    Step.AFTER_TRANSFER: 2,
    Step.BEFORE_CALL: 5,
    Step.AFTER_CALL: 5,
    Step.BEFORE_COMMIT: 25,
    Step.AFTER_COMMIT: 25,
}
"""A random course kills the worker at one of the first so many of these steps of a life."""
COMMITS = (Step.BEFORE_COMMIT, Step.AFTER_COMMIT)
"""An idle worker reaches these too: it commits what it looks for."""
SHARE = 0.7
"""So many of the transfers meet trouble, and a third of it of the inquiries."""
LATE_S = 0.7
"""The bank executes late transfers when the worker has given up."""
SETTLED_S = 300.0

CLOSE_MONTH = "UPDATE commission_watermark SET closed_through = $1"
VERIFY_MONTH = """
    INSERT INTO month_verifications (id, month, started_at, finished_at, sql_sha256,
        allocation_count, left_out_count, line_count, booked_parts, computed_parts, statement_count,
        stated_amount, computed_amount, transfer_count, difference_count, differences)
    VALUES (gen_random_uuid(), $1, now(), now(), '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '[]')
"""
"""The statements here have no lines, so a real second computation would not agree."""
HURRY = """
    UPDATE pgqueuer SET execute_after = now() WHERE status = 'queued' AND execute_after > now();
    UPDATE payout_transfers SET next_inquiry_at = now()
    WHERE status = 'unknown' AND next_inquiry_at > now();
"""
"""Every pause is over, except for a transfer that the living worker is sending: nobody asks the
bank about that one before the call has ended."""
AFTER_A_DEATH = """
    UPDATE periodic_leases SET expires_at = now();
    UPDATE pgqueuer SET heartbeat = now() - interval '1 hour' WHERE status = 'picked';
    UPDATE payout_transfers SET next_inquiry_at = now()
    WHERE status = 'sent' AND next_inquiry_at > now();
"""
"""What the dead worker held or sent is free, as it is some minutes later."""
A_DAY_LATER = """
    UPDATE payout_transfers SET request_timestamp = request_timestamp - interval '25 hours'
    WHERE status = 'unknown' AND sent_at < now() - interval '2 seconds'
        AND request_timestamp > now() - interval '1 day'
"""
"""The bank's window for what it does not know has passed. Nothing waits at the bank any more."""
LONG_AGO = """
    UPDATE payout_transfers SET sent_at = sent_at - interval '60 days'
    WHERE sent_at > now() - interval '1 day'
"""
"""Nobody compares what was settled in earlier courses with the bank's statement any more."""
PROPOSED = "SELECT id FROM payout_runs WHERE status = 'proposed'"
FAILED = "SELECT id FROM payouts WHERE status = 'failed'"
OPEN = "SELECT count(*) FROM payout_runs WHERE status NOT IN ('done', 'rejected')"
BUSY = """
    SELECT EXISTS (
        SELECT FROM payout_runs WHERE status IN ('preparing', 'proposed', 'approved')
            OR status = 'released' AND begun_sending_at IS NULL
    ) OR EXISTS (
        SELECT FROM payout_transfers AS transfer WHERE status = 'sent'
            OR status = 'unknown' AND next_inquiry_at <= now()
            OR status = 'created' AND NOT EXISTS (
                SELECT FROM pgqueuer
                WHERE dedupe_key = 'payout.send:' || transfer.id AND execute_after > now())
    ) OR EXISTS (
        SELECT FROM pgqueuer WHERE status = 'picked'
            OR status = 'queued' AND execute_after <= now()
    )
"""
"""Whether the worker has to do something about a bank, or may have soon."""
UNPAID = """
    SELECT count(*) FROM statements WHERE amount > 0 AND NOT EXISTS (
        SELECT FROM payout_items WHERE statement_id = statements.id AND is_live)
"""
UNTRIED = """
    SELECT count(*) FROM statements WHERE amount > 0 AND NOT EXISTS (
        SELECT FROM payout_items AS item JOIN payout_transfers USING (payout_id)
        WHERE statement_id = statements.id AND sent_at IS NOT NULL
            AND payout_transfers.status <> 'sent')
"""
PAID = "SELECT external_id FROM payout_transfers WHERE status = 'paid'"


@dataclass
class Stage:
    """Everything that a course needs. owner: a connection that may change any row.

    pause_s: between two rounds of the worker, and two looks at what it has done.
    """

    database: Database
    owner: Connection
    bank: PayingBank
    accounts: list[OurAccount]
    lives: Lives
    folder: Path
    tally: Tally
    pause_s: float

    async def begin(self, random: Random, account: OurAccount, *, count: int) -> "Course":
        """Owe so many payees, and let an officer propose to pay them."""
        await self.owner.execute(LONG_AGO)
        async with self.database.begin() as session:
            owed = await owe(session, self.bank, account, random, count=count)
        write_payees(self.folder, owed.payees)
        taken = len(await self.bank.read("/transfers"))
        course = Course(self, owed, skip=taken, began_at=clock.real_now())
        await course.propose()
        return course


@dataclass
class Course:
    """One random course. skip: how many transfers the bank had taken before it."""

    stage: Stage
    owed: Owed
    skip: int
    began_at: datetime

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
                await payout_releases.retry(session, row["id"], by=new_id())

    async def live(self, step: Step, count: int, *, at_most_s: float) -> bool:
        """Let the worker work until its step; return whether it was killed there.

        Otherwise it is killed when its time is over or it cannot come to its step any more.
        """
        deadline = time.monotonic() + at_most_s
        await self.stage.lives.begin((step, count))
        ended = asyncio.ensure_future(self.stage.lives.wait())
        while not ended.done() and time.monotonic() < deadline and not await self._is_over(step):
            await asyncio.wait([ended], timeout=self.stage.pause_s)
        was_killed = ended.done()
        if was_killed:
            self.stage.tally.add_kill(step)
        else:
            self.stage.lives.kill()
        await ended
        await self.stage.owner.execute(AFTER_A_DEATH + HURRY)
        return was_killed

    async def _is_over(self, step: Step) -> bool:
        await self.decide()
        owner = self.stage.owner
        if step not in COMMITS and not await owner.fetchval(BUSY):
            return True
        return not await owner.fetchval(OPEN)

    async def end(self) -> list[str]:
        """Let everything settle; return what is wrong then."""
        await self.stage.lives.begin()
        # However little the killed workers came to do, each payee meets the trouble of the bank.
        pause_s = self.stage.pause_s
        assert await until(self._is_tried, patience_s=SETTLED_S, poll_s=pause_s)
        await self.stage.bank.post("/plans/clear")
        self.stage.lives.be_patient()
        is_settled = await until(self._settle, patience_s=SETTLED_S, poll_s=pause_s)
        await self.stage.lives.stop()
        if not is_settled:
            return ["not everything is settled"]
        at_bank = await self._read_transfers()
        await self._count(at_bank)
        found = await find_faults(self.stage.owner, self.stage.bank, self.owed, at_bank)
        return [*found, *self._find_leaks()]

    async def _count(self, at_bank: Sequence[Mapping[str, Any]]) -> None:
        log = await self.stage.bank.read(f"/log?limit={MAX_ENTRIES}")
        began_at = self.began_at.isoformat()
        self.stage.tally.add_transfers(at_bank)
        self.stage.tally.add_calls(each for each in log if each["at"] >= began_at)
        self.stage.tally.courses += 1

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


@asynccontextmanager
async def open_stage(
    urls: Urls, secrets: Mapping[str, str], folder: Path, tally: Tally, *, pause_s: float
) -> AsyncIterator[Stage]:
    """Open a bank, and a nursery of workers.

    urls: of a database of payment-service that nobody else uses. secrets: settings with the keys.
    folder: for files; it must exist and be empty.
    """
    settings = {
        **secrets,
        "database_url": urls.app,
        "gateway_url": GATEWAY,
        "issuer": ISSUER,
        "PERISAI_AGENT_URL": "http://agent",
        "PERISAI_MEMBER_URL": "http://member",
        "sandbox": True,
        "run_worker": False,
    }
    keys = Keys.make(folder)
    keyring = Keyring.parse(secrets["data_keys"], secrets["lookup_key"])
    database = Database(urls.app, keyring=keyring, pool_size=2)
    owner = await asyncpg.connect(urls.owner.replace("postgresql+asyncpg", "postgresql"))
    await owner.execute(CLOSE_MONTH, str(MONTH))
    for month in (MONTH.plus(-1), MONTH):
        await owner.execute(VERIFY_MONTH, str(month))
    lives_of = worker_lives(settings, folder, pause_s=pause_s)
    async with paying_bank(keys) as bank, lives_of as lives:
        async with database.begin() as session:
            accounts = await open_accounts(session, bank, keys)
        yield Stage(database, owner, bank, accounts, lives, folder, tally, pause_s)
    await owner.close()
    await database.dispose()


async def warm_up(stage: Stage) -> None:
    """Let the first life pay somebody and ask what became of it: then courses cost less."""
    course = await stage.begin(Random(0), stage.accounts[0], count=1)
    await stage.bank.post("/plans", delivery=Delivery.HANG_UP)
    found = await course.end()
    assert found == [], found


async def take(stage: Stage, seed: int) -> list[str]:
    """Take one random course with its quiet time; return what is wrong after it."""
    random = Random(seed)
    course = await stage.begin(random, random.choice(stage.accounts), count=PAYEES)
    await stage.bank.post("/plans/random", seed=str(seed), share=SHARE, late_s=LATE_S)
    for step in random.sample(list(Step), random.randint(1, MOST_KILLS)):
        await course.live(step, random.randint(1, LATEST[step]), at_most_s=LIFE_S)
    return await course.end()
