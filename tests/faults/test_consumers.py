"""Readers of feeds killed with a batch in their hands: every effect comes, and comes once."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from stage import books
from stage.customers import AT, customers_of_agent, pay_until_answered
from stage.processes import Platform
from stage.storm import came_back
from stage.waiting import until

pytestmark = pytest.mark.e2e
FIRST_WRITES = {"member": "allocations", "payment": "commission_waits"}
"""Where a reader of payments that has fetched its batch, and locked its cursor, writes first."""
LAST_WRITES = {"member": "events"}
"""Where it writes last before the cursor."""
AFTER_ANSWERS = {"agent": "coverage_answers", "payment": "commission_lines"}
"""Where readers of member-service's answers write, and the computation that follows them."""


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(FIRST_WRITES, marks=pytest.mark.soak),
        LAST_WRITES,
        pytest.param(AFTER_ANSWERS, marks=pytest.mark.soak),
    ],
    ids=["first write", "last write", "after answers"],
)
async def test_readers_killed_between_fetch_and_commit_lose_nothing_and_double_nothing(
    platform: Platform, tables: dict[str, str]
) -> None:
    with platform.business_time(AT):
        customers = await customers_of_agent(platform, 4)
        async with AsyncExitStack() as held, platform.bank() as bank:
            for name, table in tables.items():
                connection = await held.enter_async_context(platform.database(name))
                await held.enter_async_context(connection.transaction())
                await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
            replies = await asyncio.gather(
                *(pay_until_answered(bank, each, new_external_ids=True) for each in customers)
            )
            assert await until(lambda: all_stuck(platform, tables))
            killed = {name: platform.kill(name) for name in tables}

        assert [each.outcome for each in replies] == ["paid"] * len(replies)
        assert await until(lambda: came_back(platform, killed))
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []


async def all_stuck(platform: Platform, tables: dict[str, str]) -> bool:
    """Tell whether readers wait to write there: those who hold a cursor, with a batch in hand."""
    question = """
        SELECT count(*) FROM pg_locks AS wanted JOIN pg_locks AS held USING (pid)
        WHERE NOT wanted.granted AND wanted.relation = $1::regclass
            AND held.granted AND held.relation = 'subscriptions'::regclass"""
    for name, table in tables.items():
        async with platform.database(name) as connection:
            if not await connection.fetchval(question, table):
                return False
    return True
