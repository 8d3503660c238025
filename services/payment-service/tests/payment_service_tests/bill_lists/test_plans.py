"""Every filter and order of the list of bills reads few rows, by an index, for every role.

With 20,000 members and 40,000 bills a page of 50 is found among the bills of n members, or among
the latest bills of all: of the latter every 20,000 / n is one of theirs.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.plans import AGENT, WADAH, fill
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bill_changes import service as changes
from payment_service.bill_lists.queries import page_statements
from payment_service.bill_lists.rules import BillFilter, BillSort
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus
from payment_service.crowds import Crowd, measure
from payment_service.days import Days
from payment_service.visibility import find_sight
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.sync import Since
from perisai_kit.testing.plans import count_read
from perisai_kit.testing.plugin import Databases, Urls

MEMBERS = 20_000
FEW = 4_000
"""Rows that a page reads at most, those left out among them. The members of a region, a third of
all, are counted and kept in a hash table besides, from their index or their table."""
LARGE = {"bills", "attribution_periods"}


def who(*roles: Role, **claims: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **claims)


MEMBER = UUID("0190a000-0000-7000-8000-e00000000007")
TODAY = clock.today()
DAYS = Days(TODAY - timedelta(3), TODAY)
PEOPLE = {
    "finance": who(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.COUNTRY)),
    "branch": who(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "B3", "R3")),
    "region": who(Role.AUDITOR, scope=Scope(ScopeKind.REGION, "R2")),
    "wadah": who(Role.WADAH_ADMIN, wadah_id=WADAH),
    "agent": who(Role.AGENT, Role.MEMBER, agent_id=AGENT, member_id=MEMBER),
    "member": who(Role.MEMBER, member_id=MEMBER),
}
FILTERS: dict[str, BillFilter] = {
    "nothing": BillFilter(),
    "open": BillFilter(status=BillStatus.OPEN),
    "paid": BillFilter(status=BillStatus.PAID),
    "void": BillFilter(status=BillStatus.VOID),
    "ended": BillFilter(status=BillStatus.ENDED),
    "days": BillFilter(issued=DAYS),
    "month": BillFilter(month=Month(2026, 11), issued=DAYS),
    "amount": BillFilter(amount=36_800, issued=DAYS),
    "ends soon": BillFilter(expires_before=TODAY + timedelta(4)),
    "agent": BillFilter(agent_id=AGENT),
    "branch": BillFilter(branch_code="B3"),
    "member": BillFilter(member_id=MEMBER),
    "order": BillFilter(order_id=new_id()),
}


async def _list(
    session: AsyncSession, principal: Principal, asked: BillFilter, sort: BillSort
) -> None:
    sight = find_sight(principal, agent_id=asked.agent_id, branch_code=asked.branch_code)
    crowd = Crowd(sight, 0, 0) if asked.is_of_one else await measure(session, sight)
    for statement in page_statements(crowd, asked, sort, at=clock.now(), after=None, limit=51):
        await session.execute(statement)


@pytest.mark.parametrize("sort", BillSort)
async def test_a_page_of_bills_reads_few_rows(filled: AsyncSession, sort: BillSort) -> None:
    found = {}
    for name, principal in PEOPLE.items():
        for filter_name, asked in FILTERS.items():
            # Here half of all bills are open, so that PostgreSQL expects many overdue ones.
            is_odd = filter_name == "ended" and name in ("finance", "region")
            is_by_end = asked.expires_before is not None and sort is not BillSort.EXPIRES_AT
            if is_odd or is_by_end or asked.is_contradiction(sort):
                continue
            read, whole = await count_read(filled, _list(filled, principal, asked, sort))
            counted = 2 * MEMBERS if name == "region" else 0
            if read > FEW + counted or whole & (LARGE - {"attribution_periods"}):
                found[name, filter_name] = (read, whole)

    assert found == {}


OPEN = 2_000
"""Of 40,000 bills. Each can still be paid, which PostgreSQL does not expect of open bills."""


@pytest.fixture
async def mostly_paid(
    databases: Databases, pools: Callable[[Urls], Database]
) -> AsyncIterator[AsyncSession]:
    """Read a database in which nearly all bills are paid, as they are after some months."""
    urls = databases.clone("payment")
    database = pools(replace(urls, app=urls.owner))
    async with database.begin() as session:
        await fill(session)
        late = select(Bill.id).where(Bill.status == BillStatus.OPEN).order_by(Bill.id).offset(OPEN)
        paid = update(Bill).where(Bill.id.in_(late)).values(status="paid", paid_at=Bill.issued_at)
        await session.execute(paid.execution_options(synchronize_session=False))
        past = Bill.issued_at - timedelta(days=100)
        ended = update(Bill).where(Bill.status == BillStatus.PAID).values(expires_at=past)
        await session.execute(ended.execution_options(synchronize_session=False))
        await session.execute(text("ANALYZE bills"))
    async with database.read() as session:
        yield session
    databases.drop(urls)


@pytest.mark.parametrize("sort", [BillSort.NEWEST, BillSort.OLDEST])
async def test_a_page_of_open_bills_does_not_read_all_of_them(
    mostly_paid: AsyncSession, sort: BillSort
) -> None:
    asked = BillFilter(status=BillStatus.OPEN)

    read, whole = await count_read(mostly_paid, _list(mostly_paid, PEOPLE["finance"], asked, sort))

    assert (read < OPEN / 4, whole & LARGE) == (True, set()), read


@pytest.mark.parametrize("name", [name for name in PEOPLE if name not in ("finance", "region")])
async def test_what_has_changed_is_read_from_the_bills_of_the_own_members(
    filled: AsyncSession, name: str
) -> None:
    since = Since(clock.real_now() - timedelta(hours=1), TODAY)
    listed = changes.list_changes(filled, PEOPLE[name], since=since, cursor=None, limit=50)

    read, whole = await count_read(filled, listed)

    # A wadah has 1,000 members with two bills each, which are asked for in three ways.
    assert (read <= 8 * MEMBERS / 20, whole & LARGE) == (True, set()), read
