"""A power cut while a month is closed: the next process goes on, and no statement is lost."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from stage import books
from stage.closing import agree_to_close
from stage.customers import AT, MONTH, customers_of_agent, pay_until_answered
from stage.processes import Platform
from stage.storm import came_back
from stage.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
AFTER_THE_MONTH = datetime.fromisoformat("2026-12-05T09:00:00+07:00")
PATIENCE_S = 120.0
"""The lease of the killed process lasts half a minute."""


@pytest.fixture
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of this test's own: a closed month stays closed."""
    started = Platform(tmp_path_factory.mktemp("close"))
    try:
        started.start()
        yield started
    finally:
        started.end()


async def closing_of(platform: Platform) -> dict[str, Any]:
    async with platform.database("payment") as connection:
        row = await connection.fetchrow("SELECT * FROM month_closings WHERE month = $1", MONTH)
    return dict(row) if row else {}


async def test_a_process_killed_in_a_close_is_followed_by_one_that_goes_on(
    lonely: Platform,
) -> None:
    with lonely.business_time(AT):
        customers = await customers_of_agent(lonely, 3)
        async with lonely.bank() as bank:
            for each in customers:
                await pay_until_answered(bank, each, new_external_ids=True)
        assert await books.caught_up(lonely)
    with lonely.business_time(AFTER_THE_MONTH):

        async def is_agreed() -> bool:
            return not await agree_to_close(lonely, MONTH)

        async def is_under_way() -> bool:
            return (await closing_of(lonely)).get("beneficiary_count") is not None

        async def is_done() -> bool:
            return bool((await closing_of(lonely))["status"] == "done")

        async with lonely.database("payment") as blocking, blocking.transaction():
            # The step that issues statements waits for this, so that it is not over too soon.
            await blocking.execute("LOCK TABLE statements IN EXCLUSIVE MODE")
            assert await until(is_agreed, patience_s=PATIENCE_S)
            assert await until(is_under_way, patience_s=PATIENCE_S)
            killed = {"payment": lonely.kill("payment")}
        interrupted = await closing_of(lonely)
        assert await until(lambda: came_back(lonely, killed))
        assert await until(is_done, patience_s=PATIENCE_S)

        done = await closing_of(lonely)
        async with lonely.database("payment") as connection:
            issued = await connection.fetch(
                "SELECT beneficiary_kind, amount, issued_at FROM statements WHERE month = $1", MONTH
            )
            left = await connection.fetchval("SELECT count(*) FROM month_closing_entries")
        assert (interrupted["status"], interrupted["statement_count"]) == ("running", 0)
        assert done["closed_at"] == interrupted["closed_at"]
        # Three members are fewer than the threshold: 15 % of 28,400 each, and a tenth of it.
        assert {(row["beneficiary_kind"], row["amount"]) for row in issued} == {
            ("agent", 12_780),
            ("wadah", 1_278),
        }
        assert {row["issued_at"] for row in issued} == {done["closed_at"]}
        assert (len(issued), left) == (2, 0)
        assert await books.caught_up(lonely)
        assert await books.faults(lonely) == []
