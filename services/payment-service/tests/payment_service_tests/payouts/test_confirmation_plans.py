"""A page of agents who have not answered reads the first payouts, and not all of them.

Here are 300 payouts of 40 agents each, of whom 30 have answered: a page of 50 is in six payouts.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_confirmations import queries
from payment_service.payout_confirmations.queries import MissingConfirmation
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plans import count_read, list_covering_indexes
from perisai_kit.testing.plugin import Databases, Urls

FEW = 1_500
"""Rows that a page may read: six payouts, or the twelve of a wadah, with 70 rows each, and more."""
PAYOUT = UUID("0190a000-0000-7000-8000-000000000007")
WADAH = UUID("0190a000-0000-7000-8000-0000000000fa")
AGENT = UUID("0190a000-0000-7000-8000-000000002c1a")
"""The fifth one of the payout."""

# The runs, accounts and statements that they belong to are left out.
_FILL = """
ALTER TABLE payouts DROP CONSTRAINT fk_payouts_run_id, DROP CONSTRAINT fk_payouts_payout_account_id;
ALTER TABLE payout_items DROP CONSTRAINT fk_payout_items_statement_id;
CREATE FUNCTION numbered(kind text, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0190a000-0000-7000-8000-' || lpad(to_hex(n) || kind, 12, '0'))::uuid
$$;
INSERT INTO payouts (
    id, run_id, payout_account_id, payee_kind, payee_id, month, gross, tax, amount,
    bank_account_id, bank_code, account_no, holder_name, status, created_at, settled_at
) SELECT numbered('', n), uuidv7(), uuidv7(), CASE WHEN n <= 300 THEN 'wadah' ELSE 'agent' END,
         CASE WHEN n <= 300 THEN numbered('fa', n % 25) ELSE uuidv7() END, '2026-10', 40, 0, 40,
         uuidv7(), '014', '', '', 'paid', at, at
  FROM generate_series(1, 5000) AS n
  CROSS JOIN LATERAL (SELECT now() - make_interval(hours => 5000 - n) AS at) AS times;
INSERT INTO payout_items
    SELECT uuidv7(), numbered('', n), uuidv7(), '2026-10', 'agent', numbered('a', n * 100 + agent),
           100, 1, true
    FROM generate_series(1, 300) AS n, generate_series(1, 40) AS agent ORDER BY agent, n;
INSERT INTO payout_confirmations
    SELECT uuidv7(), numbered('', n), numbered('a', n * 100 + agent), true, uuidv7(), now()
    FROM generate_series(1, 300) AS n, generate_series(1, 30) AS agent ORDER BY agent, n;
ANALYZE payouts, payout_items, payout_confirmations;
"""


@pytest.fixture(scope="module")
async def answered_urls(
    databases: Databases, pools: Callable[[Urls], Database]
) -> AsyncIterator[Urls]:
    """A database of many payouts to wadahs, of which most agents have answered."""
    urls = databases.clone("payment")
    owner = replace(urls, app=urls.owner)
    async with pools(owner).begin() as session:
        for statement in re.split(r";\n(?!\$)", _FILL.strip().removesuffix(";")):
            await session.execute(text(statement.replace("::", "\\:\\:")))
    yield owner
    databases.drop(urls)


@pytest.fixture
async def answered(
    answered_urls: Urls, pools: Callable[[Urls], Database]
) -> AsyncIterator[AsyncSession]:
    async with pools(answered_urls).read() as session:
        yield session


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 51),
        ({"wadah_id": WADAH}, 51),
        ({"payout_id": PAYOUT}, 10),
        ({"settled_before": clock.now() - timedelta(hours=4800)}, 51),
        ({"after": (clock.now() - timedelta(hours=4800), new_id(), new_id())}, 51),
    ],
    ids=["first", "wadah", "payout", "before", "next"],
)
async def test_a_page_reads_few_rows(
    answered: AsyncSession, asked: dict[str, Any], count: int
) -> None:
    nothing = {"payout_id": None, "wadah_id": None, "settled_before": None, "after": None}
    found: list[MissingConfirmation] = []

    async def read_page() -> None:
        found.extend(await queries.list_missing(answered, **{**nothing, **asked}, limit=51))

    read, whole = await count_read(answered, read_page())

    assert len(found) == count
    assert (read <= FEW, whole) == (True, set()), read


async def test_agents_who_answered_are_passed_over_by_indexes_alone(
    answered: AsyncSession,
) -> None:
    """Where nearly all of a million have answered, their rows would be read for nothing."""
    listed = queries.list_missing(
        answered, payout_id=None, wadah_id=None, settled_before=None, after=None, limit=51
    )

    assert await list_covering_indexes(answered, listed) == {
        "ix_payout_items_agents",
        "ix_payout_confirmations_payout_id_agent_id_id",
    }


async def test_what_an_agent_said_of_a_page_of_payouts_is_found_by_an_index(
    answered: AsyncSession,
) -> None:
    said: dict[tuple[UUID, UUID], bool] = {}

    async def read_answers() -> None:
        said.update(await queries.find_answers(answered, [PAYOUT, new_id()], [AGENT]))

    read, whole = await count_read(answered, read_answers())

    assert said == {(PAYOUT, AGENT): True}
    assert (read, whole) == (1, set())
