"""The figures of a start page: each sees those of what they may see."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.banking import make_period
from payment_service_tests.conftest import MakeBank, MakeBasis
from payment_service_tests.partner_bank import payment_of
from payment_service_tests.plans import AGENT, WADAH
from payment_service_tests.suspense.test_routes import decline
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.overview import service
from payment_service.overview.service import make_overviews
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plans import list_whole_reads
from perisai_kit.testing.plugin import BusinessTime, Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
See = Callable[..., Awaitable[dict[str, Any]]]
NOON = datetime(2027, 3, 10, 5, 0, tzinfo=UTC)
COUNTRY = {"kind": "country"}
NOTHING = {"count": 0, "amount": 0}


@pytest.fixture
def see(client: httpx.AsyncClient) -> See:
    async def get(by: dict[str, str]) -> dict[str, Any]:
        answer = await client.get("/v1/overview/payments", headers=by)
        assert answer.status_code == 200, answer.text
        figures: dict[str, Any] = answer.json()
        return figures

    return get


def one(bill: BillOut) -> dict[str, int]:
    return {"count": 1, "amount": bill.amount}


async def test_everybody_sees_the_figures_of_their_own_members(
    see: See,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    make_basis: MakeBasis,
    tokens: Tokens,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOON)
    agent_id, wadah_id = new_id(), new_id()
    period = make_period(agent_id=agent_id, wadah_id=wadah_id)
    first, today = NOON - timedelta(days=9), NOON - timedelta(hours=1)
    early, late = (
        await issue_bill(session, periods=[period]),
        await issue_bill(session, periods=[period]),
    )
    waiting = await issue_bill(session, periods=[period])
    await settle(session, early, paid_at=first, received_at=first)
    await settle(session, late, paid_at=today, received_at=today)
    await session.commit()
    both = {"count": 2, "amount": early.amount + late.amount}
    branch = {"kind": "branch", "code": "BWI", "region": "JATIM"}
    people = [
        tokens.make(Role.AGENT, Role.MEMBER, agent_id=agent_id, member_id=new_id()),
        tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id),
        tokens.make(Role.BRANCH_OFFICER, scope=branch),
        tokens.make(Role.AUDITOR, scope=COUNTRY),
    ]

    for headers in people:
        figures = await see(headers)
        assert figures["open_bills"] == one(waiting)
        assert figures["collected_today"] == one(late)
        assert figures["collected_this_month"] == both
    member = await see(tokens.make(Role.MEMBER, member_id=late.member_id))
    assert (member["open_bills"], member["collected_this_month"]) == (NOTHING, one(late))
    other_agent = await see(tokens.make(Role.AGENT, agent_id=new_id()))
    assert (other_agent["open_bills"], other_agent["collected_this_month"]) == (NOTHING, NOTHING)
    other = {"kind": "branch", "code": "JBR", "region": "JATIM"}
    elsewhere = await see(tokens.make(Role.BRANCH_OFFICER, scope=other))
    assert (elsewhere["open_bills"], elsewhere["collected_this_month"]) == (NOTHING, NOTHING)


async def test_a_payment_that_was_declined_is_not_counted_as_used_for_a_bill(
    see: See,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    make_basis: MakeBasis,
    tokens: Tokens,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOON)
    period = make_period(agent_id=new_id(), wadah_id=new_id())
    kept, declined = [await issue_bill(session, periods=[period]) for _ in range(2)]
    for bill in (kept, declined):
        paid = await settle(session, bill, paid_at=NOON, received_at=NOON)
    await decline(session, paid)
    await session.commit()

    figures = await see(tokens.make(Role.AGENT, agent_id=period.agent_id))

    assert figures["collected_today"] == figures["collected_this_month"] == one(kept)


async def test_a_bill_past_its_end_has_ended_also_before_it_is_marked(
    see: See,
    session: AsyncSession,
    issue_bill: IssueBill,
    tokens: Tokens,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOON)
    bill = await issue_bill(session)
    await session.commit()
    business_time.at(bill.expires_at)
    member = tokens.make(Role.MEMBER, member_id=bill.member_id)

    at_the_end = await see(member)
    business_time.at(bill.expires_at + timedelta(days=7, seconds=1))
    long_after = await see(member)

    assert (at_the_end["open_bills"], at_the_end["ended_bills"]) == (NOTHING, one(bill))
    assert (long_after["open_bills"], long_after["ended_bills"]) == (NOTHING, NOTHING)


async def test_only_who_has_the_books_sees_refused_payments_and_suspense(
    see: See, session: AsyncSession, make_bank: MakeBank, issue_bill: IssueBill, tokens: Tokens
) -> None:
    keeper = await make_bank(keeps_refused_money=True)
    giver = await make_bank()
    bill = await issue_bill(session)
    for bank in (keeper, giver):
        await bank.pay(payment_of(bill, bank.partner, amount=bill.amount + 1))
    await session.commit()
    region = {"kind": "region", "code": "JATIM"}

    finance = await see(tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY))
    officer = await see(tokens.make(Role.BRANCH_OFFICER, scope=COUNTRY))
    regional = await see(tokens.make(Role.FINANCE_OFFICER, scope=region))

    assert finance["refused_open"] == 1
    assert finance["suspense"] == {"count": 1, "amount": bill.amount + 1}
    assert finance["collected_today"] == finance["suspense"]
    for figures in (officer, regional):
        assert (figures["refused_open"], figures["suspense"]) == (None, None)


async def test_the_figures_of_an_office_are_added_up_once_for_many(
    session: AsyncSession, database: Database, issue_bill: IssueBill
) -> None:
    kept, at_once = make_overviews(database), make_overviews(database, kept_s=0)

    def officer(scope: Scope) -> Principal:
        roles = frozenset({Role.BRANCH_OFFICER})
        return Principal(account_id=new_id(), roles=roles, scope=scope)

    here = officer(Scope(ScopeKind.BRANCH, "BWI", "JATIM"))
    before = await kept.read(here)
    await issue_bill(session)
    await session.commit()

    same = await kept.read(officer(Scope(ScopeKind.BRANCH, "BWI", "JATIM")))
    region = await kept.read(officer(Scope(ScopeKind.REGION, "JATIM")))
    now = await at_once.read(here)

    assert same == before
    assert (before.open_bills.count, region.open_bills.count, now.open_bills.count) == (0, 1, 1)


async def test_the_figures_that_are_kept_are_those_of_the_day(
    session: AsyncSession,
    database: Database,
    issue_bill: IssueBill,
    settle: Settle,
    business_time: BusinessTime,
) -> None:
    kept = make_overviews(database)
    officer = Principal(
        account_id=new_id(),
        roles=frozenset({Role.BRANCH_OFFICER}),
        scope=Scope(ScopeKind.BRANCH, "BWI", "JATIM"),
    )
    business_time.at(datetime(2026, 11, 30, 16, 59, tzinfo=UTC))
    await settle(session, await issue_bill(session))
    await session.commit()
    evening = await kept.read(officer)

    business_time.at(datetime(2026, 11, 30, 17, 1, tzinfo=UTC))
    after_midnight = await kept.read(officer)

    collected = [
        (each.collected_today.count, each.collected_this_month.count)
        for each in (evening, after_midnight)
    ]
    assert collected == [(1, 1), (0, 0)]


async def test_figures_of_people_are_read_from_indexes(filled: AsyncSession) -> None:
    roles = frozenset({Role.AGENT, Role.MEMBER})
    agent = Principal(account_id=new_id(), roles=roles, agent_id=AGENT, member_id=new_id())
    wadah = Principal(account_id=new_id(), roles=frozenset({Role.WADAH_ADMIN}), wadah_id=WADAH)

    found = {
        each.account_id: await list_whole_reads(filled, service.add_up(filled, each))
        for each in (agent, wadah)
    }

    assert found == {agent.account_id: set(), wadah.account_id: set()}
