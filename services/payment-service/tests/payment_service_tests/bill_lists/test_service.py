"""Which bills a list shows: the rule, its SQL, and who sees them."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from payment_service_tests.banking import make_period
from payment_service_tests.partner_bank import make_offer
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bill_lists.queries import list_bills as query_bills
from payment_service.bill_lists.rules import BillFilter, BillSort, meets
from payment_service.bill_lists.service import Listing, list_bills
from payment_service.bills import queries, service
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.crowds import Crowd, measure
from payment_service.days import Days, DaysNeeded
from payment_service.visibility import find_sight
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
Settle = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(NOVEMBER)


def sees(*roles: Role, **more: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **more)


def admin() -> Principal:
    return sees(Role.ADMIN)


async def listed(
    session: AsyncSession,
    principal: Principal,
    *,
    sort: BillSort = BillSort.NEWEST,
    cursor: str | None = None,
    limit: int = 10,
    **asked: Any,
) -> Listing:
    return await list_bills(
        session, principal, BillFilter(**asked), sort, cursor=cursor, limit=limit
    )


async def end_overdue(session: AsyncSession) -> int:
    return await service.end_overdue(session, late_notice_h=24, limit=100)


async def test_a_bill_past_its_end_is_listed_as_ended_before_the_task_runs(
    session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> None:
    bill = await issue_bill(session)
    business_time.at(NOVEMBER + timedelta(hours=169))

    async def ids(status: BillStatus) -> list[object]:
        page = await listed(session, admin(), status=status)
        return [item.id for item in page.bills]

    assert await ids(BillStatus.ENDED) == [bill.id]
    assert await ids(BillStatus.OPEN) == []


async def test_the_end_of_a_bill_is_too_late_in_lists_and_for_the_task(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    end = (await issue_bill(session)).expires_at
    before = end - timedelta(microseconds=1)

    async def count(status: BillStatus, at: datetime) -> int:
        crowd = await measure(session, find_sight(admin()))
        asked = BillFilter(status=status)
        found = await query_bills(
            session, crowd, asked, BillSort.NEWEST, at=at, after=None, limit=10
        )
        return len(found)

    assert (await count(BillStatus.OPEN, before), await count(BillStatus.OPEN, end)) == (1, 0)
    assert (await count(BillStatus.ENDED, before), await count(BillStatus.ENDED, end)) == (0, 1)
    assert await queries.lock_ended_bills(session, through=before, limit=10) == []
    assert len(await queries.lock_ended_bills(session, through=end, limit=10)) == 1


async def test_ended_bills_and_open_ones_past_their_end_are_one_list(
    session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> None:
    early = [(await issue_bill(session)).id for _ in range(2)]
    business_time.at(NOVEMBER + timedelta(days=9))
    assert await end_overdue(session) == 2
    late = [(await issue_bill(session)).id for _ in range(2)]
    business_time.at(NOVEMBER + timedelta(days=17))
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = await listed(session, admin(), status=BillStatus.ENDED, cursor=cursor, limit=1)
        found += [item.id for item in page.bills]
        cursor, pages = page.next_cursor, pages + 1

    assert found == [*reversed(late), *reversed(early)]
    assert pages == 4


async def test_each_subject_sees_exactly_its_own_bills(
    session: AsyncSession, issue_bill: IssueBill, make_basis: MakeBasis
) -> None:
    basis = make_basis()
    bill = await issue_bill(session, basis=basis)
    await issue_bill(session, periods=[make_period(branch_code="JBR", region_code="JATENG")])

    async def seen(subject: Principal) -> bool:
        page = await listed(session, subject)
        assert len(page.bills) <= 1
        return [item.id for item in page.bills] == [bill.id]

    branch, region = Scope(ScopeKind.BRANCH, "BWI", "JATIM"), Scope(ScopeKind.REGION, "JATIM")
    assert await seen(sees(Role.MEMBER, member_id=basis.member_id))
    assert await seen(sees(Role.AGENT, agent_id=basis.owner.agent_id))
    assert await seen(sees(Role.WADAH_ADMIN, wadah_id=basis.owner.wadah_id))
    assert await seen(sees(Role.BRANCH_OFFICER, scope=branch))
    assert await seen(sees(Role.FINANCE_OFFICER, scope=region))
    assert await seen(sees(Role.AUDITOR, scope=region))
    assert not await seen(sees(Role.MEMBER, member_id=new_id()))
    assert not await seen(sees(Role.AGENT, agent_id=new_id()))
    assert not await seen(sees(Role.AGENT))
    assert not await seen(sees(Role.AUDITOR))
    assert not await seen(sees(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "XXX", "JATIM")))
    assert not await seen(sees())


@pytest.mark.parametrize("sort", BillSort)
async def test_bills_with_equal_keys_come_once_each_over_all_pages(
    session: AsyncSession, issue_bill: IssueBill, sort: BillSort
) -> None:
    issued = [(await issue_bill(session)).id for _ in range(5)]
    await session.execute(update(Bill).values(expires_at=NOVEMBER + timedelta(days=7)))
    found: list[Any] = []
    cursor = None
    while not found or cursor:
        page = await listed(session, admin(), sort=sort, cursor=cursor, limit=2)
        found += [bill.id for bill in page.bills]
        cursor = page.next_cursor

    assert found == (issued[::-1] if sort is BillSort.NEWEST else issued)


async def test_a_page_is_the_same_whichever_way_its_bills_are_found(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle
) -> None:
    period = make_period()
    bills = [await issue_bill(session, periods=[period]) for _ in range(3)]
    await settle(session, bills[1])
    await issue_bill(session, periods=[make_period(branch_code="JBR")])
    two_ways = sees(
        Role.AGENT,
        Role.BRANCH_OFFICER,
        agent_id=period.agent_id,
        scope=Scope(ScopeKind.BRANCH, "BWI", "JATIM"),
    )
    sight = find_sight(two_ways)
    counted = await measure(session, sight)
    crowds = {
        "each member": Crowd(sight, count=1, total=10**9),
        "hashed": Crowd(sight, count=60_000, total=60_000),
        "each row": Crowd(sight, count=60_001, total=60_001),
    }
    assert (counted.is_few, counted.count) == (True, 6), "three members, in two ways"

    for sort in BillSort:
        for asked in (BillFilter(), BillFilter(status=BillStatus.PAID)):
            pages = {
                name: [
                    bill.id
                    for bill in await query_bills(
                        session, crowd, asked, sort, at=clock.now(), after=None, limit=2
                    )
                ]
                for name, crowd in crowds.items()
            }
            assert len({tuple(page) for page in pages.values()}) == 1, (sort, asked, pages)
            assert pages["each row"] or (sort is BillSort.EXPIRES_AT and asked.status)


async def test_offices_look_for_an_amount_or_a_month_among_bills_of_some_days(
    session: AsyncSession, issue_bill: IssueBill
) -> None:
    period = make_period()
    bill = await issue_bill(session, periods=[period])
    officer = sees(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "BWI", "JATIM"))
    agent = sees(Role.AGENT, agent_id=period.agent_id)
    today = jakarta_date(NOVEMBER)

    for asked in ({"amount": bill.amount}, {"month": Month(2026, 11)}):
        with pytest.raises(DaysNeeded):
            await listed(session, officer, **asked)
        with pytest.raises(DaysNeeded):
            await listed(session, officer, issued=Days(today - timedelta(31), today), **asked)
        for found in (
            await listed(session, officer, issued=Days(today, today), **asked),
            await listed(session, officer, agent_id=period.agent_id, **asked),
            await listed(session, officer, member_id=bill.member_id, **asked),
            await listed(session, officer, order_id=bill.order_id, **asked),
            await listed(session, agent, **asked),
        ):
            assert [each.id for each in found.bills] == [bill.id]


async def _live(
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settle: Settle,
    business_time: BusinessTime,
    chance: random.Random,
) -> None:
    """Issue, pay, replace and withdraw bills over some weeks."""
    for day in range(0, 30, 3):
        now = NOVEMBER + timedelta(days=day)
        business_time.at(now)
        month = Month(2026, 11).plus(chance.randrange(4))
        basis = make_basis(offers=[make_offer(month)])
        asked = {"first_month": month, "month_count": chance.choice([1, 3]), "basis": basis}
        bill = await issue_bill(session, **asked)
        match chance.randrange(4):
            case 0:
                await settle(session, bill)
            case 1:
                await service.cancel(session, admin(), bill.id, reason=VoidReason.WRONG_DATA)
            case 2:
                await issue_bill(session, **asked)
        if day == 12:
            await end_overdue(session)


@pytest.mark.parametrize("seed", range(4))
async def test_the_rule_and_its_sql_agree(
    *,
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    settle: Settle,
    business_time: BusinessTime,
    seed: int,
) -> None:
    chance = random.Random(seed)
    await _live(session, issue_bill, make_basis, settle, business_time, chance)
    bills = (await session.scalars(select(Bill).order_by(Bill.id))).all()
    months: dict[Any, set[Month]] = {}
    for line in await session.scalars(select(BillLine)):
        months.setdefault(line.bill_id, set()).add(line.month)
    now = clock.now()
    one = chance.choice(bills)
    day = jakarta_date(one.issued_at)
    wanted: dict[str, list[Any]] = {
        "status": [None, *BillStatus],
        "member_id": [None, None, one.member_id, new_id()],
        "order_id": [None, None, one.order_id],
        "amount": [None, one.amount],
        "month": [None, *months[one.id]],
        "issued": [Days(), Days(day, day), Days(first=day), Days(last=day)],
        "expires_before": [None, None, jakarta_date(one.expires_at) + timedelta(1), date.max],
    }
    met = 0
    for _ in range(60):
        asked = BillFilter(**{name: chance.choice(values) for name, values in wanted.items()})
        sort = chance.choice(list(BillSort))
        crowd = await measure(session, find_sight(admin()))
        found = await query_bills(session, crowd, asked, sort, at=now, after=None, limit=100)
        expected = {
            bill.id for bill in bills if meets(bill, months[bill.id], asked, sort=sort, at=now)
        }
        assert {bill.id for bill in found} == expected, asked
        met += len(expected)

    assert met > 0
    assert len({bill.status for bill in bills}) >= 3


async def test_a_filter_by_days_has_every_bill_of_its_days(
    session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> None:
    """Also without a moved clock, where the ids bound the days."""
    business_time.real()
    bill = await issue_bill(session)
    await session.execute(update(Bill).values(issued_at=bill.issued_at - timedelta(minutes=1)))
    today = jakarta_date(bill.issued_at)

    found = await listed(session, admin(), issued=Days(today, today))
    before = await listed(session, admin(), issued=Days(last=today - timedelta(1)))
    after = await listed(session, admin(), issued=Days(first=today + timedelta(1)))

    assert [each.id for each in found.bills] == [bill.id]
    assert before.bills == after.bills == []
