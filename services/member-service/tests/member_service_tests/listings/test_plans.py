"""Every filter and order of the list finds its rows by an index, at 20,000 members.

With N rows and a filter that m of them meet, a page of 50 needs the smaller of m and 50 N / m rows:
by the index of the filter, or along that of the order. This is at most the square root of 50 N.
"""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.conftest import MakeSubject
from member_service_tests.listings.crowd import MEMBERS, fill
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.listings.queries import list_statement
from member_service.listings.rules import Filters, Sort
from member_service.members.rules import Standing
from member_service.overview.queries import count_statement
from member_service.overview.rules import make_day
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import BusinessTime, Databases

ON, LAST_DUE = date(2026, 3, 20), Month(2026, 3)
READ_AT_MOST, SORT_AT_MOST = MEMBERS // 2, MEMBERS // 15
"""Rows of a page. Along an index in the order of the table, many rows cost less than few others."""

FILTERS = {
    "everybody": Filters(),
    **{each.value: Filters(standing=each) for each in Standing},
    "lapses_before": Filters(lapses_before=date(2026, 4, 2)),
    **{f"unpaid {count}": Filters(unpaid_months_min=count) for count in (1, 2, 3)},
    "village": Filters(village="DESA 7"),
    "agent": Filters(agent_id=UUID(int=7)),
    "no agent": Filters(without_agent=True),
    "a common word": Filters(words=(7,)),
    "a rare word": Filters(words=(7, 1007)),
    "grace in a village": Filters(standing=Standing.GRACE, village="desa 17"),
}
VIEWERS: dict[str, dict[str, Any]] = {
    "agent": {"roles": (Role.AGENT,), "agent_id": UUID(int=7)},
    "wadah": {"roles": (Role.WADAH_ADMIN,), "wadah_id": UUID(int=7)},
    "branch": {
        "roles": (Role.BRANCH_OFFICER,),
        "scope": Scope(ScopeKind.BRANCH, "branch-7", "region-1"),
    },
    "region": {"roles": (Role.AUDITOR,), "scope": Scope(ScopeKind.REGION, "region-1")},
    "country": {"roles": (Role.FINANCE_OFFICER,), "scope": Scope(ScopeKind.COUNTRY)},
}


@pytest.fixture(scope="module")
async def crowd(databases: Databases, keyring: Keyring) -> AsyncIterator[Database]:
    urls = databases.clone("member")
    await fill(urls)
    database = Database(urls.app, keyring=keyring, pool_size=1)
    yield database
    await database.dispose()
    databases.drop(urls)


async def read_plan(session: AsyncSession, statement: Any) -> dict[str, Any]:
    sql = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    rows = await session.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {escape(sql)}"))
    plan: dict[str, Any] = rows.scalar_one()[0]["Plan"]
    return plan


def escape(sql: object) -> str:
    return str(sql).replace(":", "\\:")


def count_read(plan: dict[str, Any]) -> float:
    """Return how many rows of tables a plan reads, those thrown away too."""
    own = 0.0
    if "Relation Name" in plan and not plan["Node Type"].startswith("Bitmap Index"):
        thrown = plan.get("Rows Removed by Filter", 0) + plan.get(
            "Rows Removed by Index Recheck", 0
        )
        own = (plan["Actual Rows"] + thrown) * plan["Actual Loops"]
    return own + sum(count_read(each) for each in plan.get("Plans", ()))


def count_sorted(plan: dict[str, Any]) -> float:
    """Return how many rows a plan sorts."""
    parts = plan.get("Plans", ())
    own = sum(each["Actual Rows"] for each in parts) if plan["Node Type"] == "Sort" else 0
    return own + sum(count_sorted(each) for each in parts)


def list_nodes(plan: dict[str, Any]) -> list[str]:
    return [
        plan["Node Type"],
        *(node for each in plan.get("Plans", ()) for node in list_nodes(each)),
    ]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("viewer", VIEWERS)
async def test_a_page_reads_few_rows_by_an_index(
    crowd: Database, business_time: BusinessTime, make_subject: MakeSubject, viewer: str, sort: Sort
) -> None:
    given = dict(VIEWERS[viewer])
    principal: Principal = make_subject(*given.pop("roles"), **given).principal

    read = {}
    async with crowd.read() as session:
        for name, filters in FILTERS.items():
            plan = await read_plan(
                session,
                list_statement(
                    principal, filters, sort, on=ON, last_due=LAST_DUE, after=None, limit=51
                ),
            )
            assert "Seq Scan" not in list_nodes(plan), (name, plan)
            read[name] = (count_read(plan), count_sorted(plan))

    assert {
        name: rows
        for name, rows in read.items()
        if rows[0] > READ_AT_MOST or rows[1] > SORT_AT_MOST
    } == {}


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_an_overview_reads_the_members_of_its_scope_once(
    crowd: Database, make_subject: MakeSubject, viewer: str
) -> None:
    given = dict(VIEWERS[viewer])
    principal: Principal = make_subject(*given.pop("roles"), **given).principal

    async with crowd.read() as session:
        statement = count_statement(principal, make_day(ON, frozenset()))
        plan = await read_plan(session, statement)
        total = (await session.execute(statement)).one().total

    assert count_read(plan) == total
    assert total == {"branch": MEMBERS / 50, "region": MEMBERS / 10, "country": MEMBERS}.get(
        viewer, total
    )
    assert ("Seq Scan" in list_nodes(plan)) is (viewer == "country")
