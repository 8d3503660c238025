"""The exported journal, as an accountant's program reads it."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.ledger.contributions import BANK, PARTNER, Received, book
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import rules, service
from payment_service.ledger.rules import DaysReversed, LedgerBusy
from perisai_kit.db.engine import Database

HLEDGER = shutil.which("hledger")
with_hledger = pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed")
NAMES = {str(PARTNER): "014-77777"}
READABLE = "assets:bank_collection:014-77777"
JKK = "liabilities:bpjs_payable:jkk:2026-{:02}"
SEPTEMBER_ENDS = datetime(2026, 9, 30, 17, tzinfo=UTC)
OCTOBER_ENDS = datetime(2026, 10, 31, 17, tzinfo=UTC)
OCTOBER: dict[str, Any] = {"first_on": date(2026, 10, 1), "last_on": date(2026, 10, 31)}


async def journal(
    session: AsyncSession,
    *,
    first_on: date | None = None,
    last_on: date | None = None,
    booked_through: datetime | None = None,
) -> str:
    plan = await service.plan_export(
        session,
        first_on=first_on,
        last_on=last_on,
        booked_through=booked_through,
        bank_names=NAMES,
    )
    return "".join([piece async for piece in service.export(session, plan)])


def find_allocations(exported: str) -> list[int]:
    """Return the allocations whose contributions a journal holds."""
    found = re.findall(r"contribution_received \| allocation:(\S+)", exported)
    return [UUID(each).int for each in found]


def read_ends(exported: str) -> tuple[int, int]:
    """Return the balances of the bank with which a journal begins and ends."""
    found = [int(each) for each in re.findall(rf"    assets:{BANK}  .* = (\d+) IDR", exported)]
    return (found[0] if len(found) == 2 else 0), found[-1]


async def hledger(exported: str, *arguments: str) -> str:
    report = await asyncio.to_thread(
        subprocess.run,
        [str(HLEDGER), "-f", "-", *arguments],
        input=exported,
        check=True,
        capture_output=True,
        text=True,
    )
    return report.stdout


async def read_balances(exported: str) -> dict[str, int]:
    """Return what hledger finds, after it has checked the journal strictly."""
    await hledger(exported, "check", "--strict")
    report = await hledger(
        exported, "balance", "--flat", "--no-total", "--format=%(account) %(total)"
    )
    rows = (line.split() for line in report.splitlines())
    return {account: int(amount) for account, amount, *_ in rows}


@with_hledger
async def test_hledger_reaches_the_same_balances(session: AsyncSession) -> None:
    programmes = ("jkk", "jkm", "jht")
    await book(session, *(Received(cause, each) for cause in range(5) for each in programmes))

    read = await read_balances(await journal(session))

    page = await service.list_accounts(session, cursor=None, limit=200)
    held = {rules.journal_account(item.account): item.debits - item.credits for item in page.items}
    held[READABLE] = held.pop(f"assets:{BANK}")
    assert read == held


async def booked_at(session: AsyncSession, allocation: int, instant: datetime) -> None:
    """Book a contribution of its month again, as if at this instant."""
    await session.execute(
        text("""
            INSERT INTO ledger_transfers (debit_account, credit_account, amount, code, cause_kind,
                cause_id, business_on, booked_at)
            SELECT debit_account, credit_account, amount, code, cause_kind,
                   CAST(:cause AS uuid), business_on, :instant
            FROM ledger_transfers ORDER BY id LIMIT 1
        """),
        {"cause": str(UUID(int=allocation)), "instant": instant},
    )


@with_hledger
async def test_a_range_begins_and_ends_with_the_balances_of_its_days(
    session: AsyncSession,
) -> None:
    await book(session, Received(1, month=9))
    await booked_at(session, 2, datetime(2026, 9, 30, 16, 59, tzinfo=UTC))
    await book(session, Received(3, month=10), Received(4, month=11))

    exported = await journal(session, **OCTOBER)
    read = await read_balances(exported)

    # Booked now, 1 is dated before October but was not booked before it.
    assert read == {
        READABLE: 30_000,
        JKK.format(9): -20_000,
        JKK.format(10): -10_000,
    }
    assert f"    assets:{BANK}  10000 IDR = 10000 IDR" in exported


@with_hledger
async def test_hledger_finds_a_transfer_that_is_missing(session: AsyncSession) -> None:
    await book(session, Received(1), Received(2))
    head, first, *rest = (await journal(session)).split("\n\n")
    assert "contribution_received" in first

    with pytest.raises(subprocess.CalledProcessError) as failed:
        await hledger("\n\n".join([head, *rest]), "check", "--strict")

    assert "balance assertion" in failed.value.stderr


@with_hledger
async def test_hledger_finds_an_account_that_is_not_declared(session: AsyncSession) -> None:
    await book(session, Received())
    exported = (await journal(session)).replace(f"account {JKK.format(11)}\n", "")

    with pytest.raises(subprocess.CalledProcessError, match="check"):
        await hledger(exported, "check", "--strict")


@with_hledger
@pytest.mark.parametrize("days", [{}, OCTOBER], ids=["all", "october"])
async def test_an_empty_ledger_is_a_journal(session: AsyncSession, days: Mapping[str, Any]) -> None:
    assert await read_balances(await journal(session, **days)) == {}


async def test_a_range_holds_the_transfers_of_its_days(session: AsyncSession) -> None:
    await book(session, *(Received(month, month=month) for month in (10, 11)))

    exported = await journal(session, **OCTOBER)

    named = re.findall(r"contribution_received \| allocation:(\S+)", exported)
    assert named == [str(UUID(int=10))]


async def test_transfers_dated_before_a_range_but_booked_later_are_named(
    session: AsyncSession,
) -> None:
    await book(session, Received(1, month=9))
    await booked_at(session, 2, datetime(2026, 9, 30, 17, 0, tzinfo=UTC) - timedelta(seconds=1))
    await booked_at(session, 3, datetime(2026, 9, 30, 17, 0, tzinfo=UTC))

    exported = await journal(session, **OCTOBER)

    named = re.findall(
        r"^2026-10-01=2026-09-05 .*allocation:(\S+)  ; dated_before:2026-09-05$",
        exported,
        re.MULTILINE,
    )
    assert named == [str(UUID(int=1)), str(UUID(int=3))]
    assert f"    assets:{BANK}  10000 IDR = 10000 IDR" in exported


class TestBookedThrough:
    """What is dated in a period and booked after its end stands in one journal only."""

    async def book_late(self, session: AsyncSession) -> None:
        """Book of September in time, at its end, in October, in November, and now."""
        await book(session, Received(9, month=9))
        await booked_at(session, 1, SEPTEMBER_ENDS - timedelta(days=9))
        await booked_at(session, 2, SEPTEMBER_ENDS - timedelta(seconds=1))
        await booked_at(session, 3, SEPTEMBER_ENDS)
        await booked_at(session, 4, OCTOBER_ENDS)

    async def test_journals_of_consecutive_periods_add_up_to_the_ledger(
        self, session: AsyncSession
    ) -> None:
        await self.book_late(session)

        periods = [
            await journal(session, last_on=date(2026, 9, 30), booked_through=SEPTEMBER_ENDS),
            await journal(session, **OCTOBER, booked_through=OCTOBER_ENDS),
            await journal(session, first_on=date(2026, 11, 1)),
        ]

        named = [find_allocations(each) for each in periods]
        assert named == [[1, 2], [3], [9, 4]]
        assert [read_ends(each) for each in periods] == [
            (0, 20_000),
            (20_000, 30_000),
            (30_000, 50_000),
        ]
        (bank,) = [
            each
            for each in (await service.list_accounts(session, cursor=None, limit=200)).items
            if each.account == BANK
        ]
        assert bank.debits - bank.credits == 50_000

    async def test_a_journal_can_be_made_again_as_it_was(self, session: AsyncSession) -> None:
        await book(session, Received(9, month=9))
        await booked_at(session, 1, SEPTEMBER_ENDS - timedelta(days=9))
        ended: dict[str, Any] = {"last_on": date(2026, 9, 30), "booked_through": SEPTEMBER_ENDS}
        before = await journal(session, **ended)

        await booked_at(session, 2, SEPTEMBER_ENDS)

        assert await journal(session, **ended) == before
        assert find_allocations(await journal(session, last_on=date(2026, 9, 30))) == [9, 1, 2]

    @with_hledger
    async def test_hledger_reads_both(self, session: AsyncSession) -> None:
        await self.book_late(session)

        first = await journal(session, last_on=date(2026, 9, 30), booked_through=SEPTEMBER_ENDS)
        second = await journal(session, **OCTOBER, booked_through=OCTOBER_ENDS)

        assert (await read_balances(first))[READABLE] == 20_000
        assert (await read_balances(second))[READABLE] == 30_000


async def test_a_range_without_a_last_day_ends_with_the_balances_of_now(
    session: AsyncSession,
) -> None:
    await book(session, *(Received(month, month=month) for month in (9, 10, 11)))

    exported = await journal(session, first_on=date(2026, 10, 1))

    assert "2026-11-05 closing balances\n" in exported
    assert f"    assets:{BANK}  0 IDR = 30000 IDR\n" in exported


async def test_days_in_the_wrong_order_are_refused(session: AsyncSession) -> None:
    with pytest.raises(DaysReversed):
        await journal(session, first_on=date(2026, 11, 2), last_on=date(2026, 11, 1))


@pytest.mark.race
async def test_an_export_waits_for_bookings_and_says_when_they_last_too_long(
    own: Database,
) -> None:
    async with own.begin() as slow, own.read() as reader:
        await book(slow, Received())
        with pytest.raises(LedgerBusy):
            await service.plan_export(reader, wait_s=0)

    async with own.read() as reader:
        plan = await service.plan_export(reader)

    assert [each.closing for each in plan.sums] == [10_000, -10_000]
