"""A page of payees reads few rows, by indexes, however many statements the month has.

With 4,000 wadahs of four agents each, in 200 branches, every one has a statement in each of two
months.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payee_totals import service
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plans import count_read
from perisai_kit.testing.plugin import Databases, Urls

NOVEMBER = Month(2025, 11)
STATEMENTS = 20_000
"""Of a month."""
FEW = 6_000
"""Rows that a page reads at most: some four hundred agents and wadahs are looked at, and what
their agreements say; the statements of fifty are added up."""
LARGE = {"statements", "wadah_agreements", "payee_accounts"}
WADAH = UUID("c4ca4238-a0b9-2382-0dcc-509a6f75849b")
"""The first one: md5 of its number."""

_FILL = """
CREATE TEMP TABLE made AS
    SELECT wadah, agent, md5(wadah::text)::uuid AS wadah_id,
           md5(CASE agent WHEN 0 THEN wadah::text ELSE wadah || '-' || agent END)::uuid AS id
    FROM generate_series(1, 4000) AS wadah, generate_series(0, 4) AS agent;
INSERT INTO statements (
    id, month, beneficiary_kind, beneficiary_id, wadah_id, branch_code, region_code, line_count,
    contribution_parts, acquisition_parts, override_parts, brought_parts, total_parts, amount,
    brought_debt, issued_at
) SELECT gen_random_uuid(), month, CASE agent WHEN 0 THEN 'wadah' ELSE 'agent' END, id, wadah_id,
         'B' || wadah % 200, 'R' || wadah % 3, 1, 10000, 0, 0, 0, 10000, 1, 0, closed_at
  FROM made, (VALUES ('2025-10', timestamptz '2025-11-03 05:00Z'),
                     ('2025-11', timestamptz '2025-12-03 05:00Z')) AS closed (month, closed_at);
INSERT INTO wadah_agreements (agreement_id, wadah_id, starts_on, ends_on, pays)
    SELECT gen_random_uuid(), wadah_id, '2025-01-01', '2025-12-31', '{pays}'
    FROM made WHERE agent = 0;
INSERT INTO payee_accounts (bank_account_id, holder_kind, holder_id, decided_at)
    SELECT gen_random_uuid(), CASE agent WHEN 0 THEN 'wadah' ELSE 'agent' END, id, now() FROM made;
DROP TABLE made;
ANALYZE;
"""


@pytest.fixture(params=["wadah", "agents"])
async def stated(
    request: pytest.FixtureRequest, databases: Databases, pools: Callable[[Urls], Database]
) -> AsyncIterator[AsyncSession]:
    """Read a database of two closed months whose agreements pay wadahs, or agents."""
    urls = databases.clone("payment")
    database = pools(replace(urls, app=urls.owner))
    async with database.begin() as session:
        for statement in re.split(r";\n", _FILL.replace("{pays}", request.param)):
            if statement.strip():
                await session.execute(text(statement.replace(":", "\\:").replace("\\:\\:", "::")))
    async with database.read() as session:
        yield session
    databases.drop(urls)


def who(*roles: Role, **claims: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **claims)


PEOPLE = {
    "finance": who(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.COUNTRY)),
    "region": who(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.REGION, "R1")),
    "branch": who(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "B1", "R1")),
    "wadah": who(Role.WADAH_ADMIN, wadah_id=WADAH),
    "agent": who(Role.AGENT, agent_id=WADAH, wadah_id=WADAH),
}


async def test_a_page_of_payees_reads_few_rows(stated: AsyncSession) -> None:
    found = {}
    for name, principal in PEOPLE.items():
        first = await service.list_totals(stated, principal, NOVEMBER, cursor=None, limit=50)
        for page, cursor in (("first", None), ("second", first.next_cursor)):
            listed = service.list_totals(stated, principal, NOVEMBER, cursor=cursor, limit=50)
            read, whole = await count_read(stated, listed)
            if read > FEW or whole & LARGE:
                found[name, page] = (read, whole)

    assert found == {}
