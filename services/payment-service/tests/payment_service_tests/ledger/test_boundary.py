"""Transfers get their ids before they are committed: lists and snapshots leave none out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from payment_service_tests.ledger.contributions import BANK, Received, balances, book
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service, tasks
from payment_service.ledger.rules import Cause
from perisai_kit.db.engine import Database

WRITES_ELSEWHERE = "INSERT INTO ledger_postings VALUES (gen_random_uuid(), 'incentive_accrued')"
"""Makes a transaction a writing one, though not of transfers."""


async def count_of(own: Database) -> int:
    async with own.read() as session:
        return await count_snapshots(session)


async def count_snapshots(session: AsyncSession) -> int:
    counted = text("SELECT count(DISTINCT through_id) FROM ledger_balance_snapshots")
    return int((await session.scalars(counted)).one())


async def test_two_snapshots_are_kept(session: AsyncSession) -> None:
    for cause in range(4):
        await book(session, Received(cause))
        await service.take_snapshot(session, await service.read_boundary(session))

    assert await count_snapshots(session) == 2
    assert (await balances(session))[BANK] == 40_000
    assert await service.find_faults(session) == []


@asynccontextmanager
async def open_booking(own: Database, allocation: int) -> AsyncIterator[None]:
    """Book for an allocation; the transaction ends with the block."""
    async with own.begin() as session:
        await book(session, Received(allocation))
        yield


async def next_page(own: Database, cursor: str | None) -> tuple[list[int], str | None]:
    """Return for which allocations a page of transfers stands, and its cursor."""
    async with own.read() as session:
        page = await service.list_transfers(
            session, account=None, cause=None, cursor=cursor, limit=2, wait_s=0
        )
    allocations = [Cause.parse(item.cause).id.int for item in page.items]
    return allocations, page.next_cursor


@pytest.mark.race
async def test_a_page_passes_no_transfer_that_commits_later(own: Database) -> None:
    async with open_booking(own, 1):
        pass
    async with open_booking(own, 2):
        async with open_booking(own, 3):
            pass
        during, cursor = await next_page(own, None)
        again, same = await next_page(own, cursor)

    first, more = await next_page(own, cursor)
    rest, end = await next_page(own, more)

    assert (during, again, same) == ([], [], cursor)
    assert (first, rest, end) == ([1, 2], [3], None)


@pytest.mark.race
async def test_transfers_of_a_snapshot_are_listed_while_others_are_booked(own: Database) -> None:
    async with open_booking(own, 1), open_booking(own, 2):
        pass
    await tasks.every_hour(own)

    async with open_booking(own, 3):
        first, cursor = await next_page(own, None)

    rest, end = await next_page(own, cursor)

    assert (sorted(first), rest, end) == ([1, 2], [3], None)


@pytest.mark.race
async def test_a_page_waits_for_a_booking_that_ends_soon(own: Database) -> None:
    async with own.read() as reader:
        async with open_booking(own, 1):
            page = asyncio.create_task(
                service.list_transfers(
                    reader, account=None, cause=None, cursor=None, limit=2, wait_s=10
                )
            )
            await asyncio.sleep(0.1)
            was_waiting = not page.done()
        items = (await page).items

    assert was_waiting
    assert len(items) == 1


@pytest.mark.race
@pytest.mark.parametrize("statement", ["SELECT count(*) FROM ledger_transfers", WRITES_ELSEWHERE])
async def test_an_open_transaction_that_books_nothing_keeps_no_transfer_back(
    own: Database, statement: str
) -> None:
    async with own.begin() as other:
        await other.execute(text(statement))
        async with open_booking(own, 1):
            pass
        page, cursor = await next_page(own, None)
        taken = await tasks.every_hour(own, attempts=1), await count_of(own)

    assert (page, cursor) == ([1], None)
    assert taken == (False, 1)


@pytest.mark.race
async def test_a_snapshot_makes_no_payment_wait(own: Database) -> None:
    async with own.begin() as reader:
        await reader.execute(text("SELECT count(*) FROM ledger_transfers"))
        boundary = await service.read_boundary(reader)
        await service.take_snapshot(reader, boundary)
        async with own.begin() as writer:
            await writer.execute(text("SET LOCAL lock_timeout = '100ms'"))
            await book(writer, Received(1))

    async with own.read() as session:
        assert (await balances(session))[BANK] == 10_000


@pytest.mark.race
async def test_a_snapshot_misses_no_transfer_that_commits_later(own: Database) -> None:
    async with own.begin() as slow:
        await book(slow, Received(1))  # takes the lower id, and is not committed yet
        async with own.begin() as quick:
            await book(quick, Received(2))
        await tasks.every_hour(own, attempts=1)
        async with own.read() as session:
            too_early = await count_snapshots(session)

    await tasks.every_hour(own)

    assert too_early == 0

    async with own.read() as session:
        assert (await balances(session))[BANK] == 20_000
        assert await service.find_faults(session) == []


@pytest.mark.race
async def test_snapshots_under_load_stay_right(own: Database) -> None:
    async def write(cause: int) -> None:
        async with own.begin() as session:
            await book(session, Received(cause, amount=cause + 1))

    for start in range(0, 60, 20):
        await asyncio.gather(
            *(write(cause) for cause in range(start, start + 20)), tasks.every_hour(own)
        )

    async with own.read() as session:
        assert (await balances(session))[BANK] == sum(range(1, 61))
        assert await service.find_faults(session) == []
