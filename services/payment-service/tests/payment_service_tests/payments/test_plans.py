"""Each list of payments reads through an index, for every role and every filter."""

from datetime import timedelta
from typing import Any

import pytest
from payment_service_tests.plans import AGENT, PARTNERS, WADAH
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.days import Days
from payment_service.payments import queries
from payment_service.payments.rules import PaymentFilter
from payment_service.visibility import find_sight
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, new_id
from perisai_kit.testing.plans import list_whole_reads

LARGE = {"payments", "allocations", "bills", "orders"}


def who(*roles: Role, **claims: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **claims)


COUNTRY, BRANCH = Scope(ScopeKind.COUNTRY), Scope(ScopeKind.BRANCH, "B3", "R3")
TODAY = clock.today()
DAY = Days(TODAY - timedelta(40), TODAY - timedelta(40))
PEOPLE = {
    "finance": who(Role.FINANCE_OFFICER, scope=COUNTRY),
    "branch": who(Role.BRANCH_OFFICER, scope=BRANCH),
    # More members than are asked one by one.
    "region": who(Role.AUDITOR, scope=Scope(ScopeKind.REGION, "R2")),
    "wadah": who(Role.WADAH_ADMIN, wadah_id=WADAH),
    "agent": who(Role.AGENT, Role.MEMBER, agent_id=AGENT, member_id=new_id()),
    "member": who(Role.MEMBER, member_id=new_id()),
}
FILTERS = {
    "nothing": PaymentFilter(),
    "day": PaymentFilter(days=DAY),
    "from a day": PaymentFilter(days=Days(first=TODAY - timedelta(40))),
    "partner": PaymentFilter(partner_id=PARTNERS[1]),
    "amount": PaymentFilter(amount=36_800, days=DAY),
    "reference": PaymentFilter(reference_no="00000000123"),
    "agent": PaymentFilter(agent_id=AGENT),
    "branch": PaymentFilter(branch_code="B3"),
    "agent and branch": PaymentFilter(agent_id=AGENT, branch_code="B1"),
    "member": PaymentFilter(member_id=new_id()),
    "bill": PaymentFilter(bill_id=new_id()),
    "order": PaymentFilter(order_id=new_id()),
    "declined": PaymentFilter(is_declined=True),
}


@pytest.mark.parametrize("asked", FILTERS.values(), ids=FILTERS)
async def test_no_list_reads_all_payments(filled: AsyncSession, asked: PaymentFilter) -> None:
    whole = {}

    for name, principal in PEOPLE.items():
        sight = find_sight(principal, agent_id=asked.agent_id, branch_code=asked.branch_code)
        listed = queries.list_payments(filled, sight, asked, before=None, limit=51)
        whole[name] = await list_whole_reads(filled, listed)

    found = {name: tables & LARGE for name, tables in whole.items() if tables & LARGE}
    assert found == {}


async def test_new_banks_are_found_without_reading_all_payments(filled: AsyncSession) -> None:
    booked_since = lowest_id_of(clock.real_now() - timedelta(hours=24))
    listed = queries.list_new_banks(
        filled, since=clock.now() - timedelta(days=7), booked_since=booked_since
    )

    assert await list_whole_reads(filled, listed) & LARGE == set()
