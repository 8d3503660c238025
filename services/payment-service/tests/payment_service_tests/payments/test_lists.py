"""What a list of payments shows of people, and how it is filtered and exported."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.banking import make_period
from payment_service_tests.conftest import MakeBank, MakeBasis
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime, Tokens, Wire

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
NOON = datetime(2027, 3, 10, 5, 0, tzinfo=UTC)
COUNTRY = {"kind": "country"}
BWI = {"kind": "branch", "code": "BWI", "region": "JATIM"}


@pytest.fixture(autouse=True)
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(NOON)
    return business_time


@pytest.fixture
def list_ids(client: httpx.AsyncClient, tokens: Tokens) -> Callable[..., Awaitable[list[str]]]:
    async def list_(by: dict[str, str] | None = None, **query: Any) -> list[str]:
        by = by or tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
        answer = await client.get("/v1/payments", params=query, headers=by)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["items"]]

    return list_


@pytest.fixture
async def three(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle, march: BusinessTime
) -> list[Payment]:
    """Payments around two midnights of Jakarta (17:00 UTC), the earliest first."""
    paid = []
    for number, hour in enumerate((16, 17, 41)):
        bill = await issue_bill(session, periods=[make_period(branch_code=f"B{number}")])
        at = datetime(2027, 3, 10, tzinfo=UTC) + timedelta(hours=hour)
        reference = f"REF-{number}"
        paid.append(await settle(session, bill, paid_at=at, received_at=at, reference_no=reference))
    await session.commit()
    return paid


async def test_a_business_day_is_the_jakarta_day_of_the_payment(
    list_ids: Any, three: list[Payment]
) -> None:
    first, second, third = (str(each.id) for each in three)

    assert await list_ids() == [third, second, first]
    assert await list_ids(business_from="2027-03-11", business_to="2027-03-11") == [second]
    assert await list_ids(business_to="2027-03-10") == [first]
    assert await list_ids(business_from="2027-03-12") == [third]
    assert await list_ids(business_from="1900-01-01", business_to="2099-12-31") == [
        third,
        second,
        first,
    ]


async def test_filters_add_up(
    list_ids: Any, three: list[Payment], session: AsyncSession, tokens: Tokens
) -> None:
    first, second, _ = three
    days = {"business_from": "2027-03-01", "business_to": "2027-03-31"}

    assert await list_ids(reference_no="REF-1") == [str(second.id)]
    assert await list_ids(reference_no="REF-1", branch_code="B1") == [str(second.id)]
    assert await list_ids(reference_no="REF-1", branch_code="B2") == []
    assert await list_ids(reference_no="REF-1", amount=second.amount) == [str(second.id)]
    assert await list_ids(amount=second.amount + 1, **days) == []
    assert len(await list_ids(amount=second.amount, **days)) == 3
    assert await list_ids(partner_id=first.partner_id, branch_code="B0") == [str(first.id)]
    assert await list_ids(partner_id=new_id()) == []
    officer = tokens.make(
        Role.BRANCH_OFFICER, scope={"kind": "branch", "code": "B0", "region": "JATIM"}
    )
    assert await list_ids(officer) == [str(first.id)]
    assert await list_ids(officer, branch_code="B1") == []


async def test_the_agent_of_today_is_a_filter(
    list_ids: Any, session: AsyncSession, issue_bill: IssueBill, settle: Settle, tokens: Tokens
) -> None:
    agent_id, wadah_id = new_id(), new_id()
    own = await issue_bill(session, periods=[make_period(agent_id=agent_id, wadah_id=wadah_id)])
    other = await issue_bill(session, periods=[make_period(wadah_id=wadah_id)])
    payment = await settle(session, own)
    await settle(session, other)
    await session.commit()
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id)
    other_wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=new_id())
    of_another = tokens.make(Role.MEMBER, member_id=new_id())

    assert await list_ids(agent_id=agent_id) == [str(payment.id)]
    assert len(await list_ids(wadah)) == 2
    assert await list_ids(wadah, agent_id=agent_id) == [str(payment.id)]
    assert await list_ids(other_wadah, agent_id=agent_id) == []
    assert await list_ids(of_another, member_id=own.member_id) == []


async def test_pages_follow_each_other_also_where_instants_are_equal(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
) -> None:
    paid = [await settle(session, await issue_bill(session), paid_at=NOON) for _ in range(5)]
    await session.commit()
    finance = tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
    found, cursor = [], ""

    for _ in range(3):
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/payments", params=query, headers=finance)).json()
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]

    assert found == sorted((str(each.id) for each in paid), reverse=True)
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"business_from": "2027-03-12", "business_to": "2027-03-11"}, "days_backward"),
        ({"amount": "36800"}, "days_needed"),
        (
            {"amount": "1", "business_from": "2027-03-01", "business_to": "2027-04-01"},
            "days_needed",
        ),
        ({"amount": "1", "business_from": "2027-03-01"}, "days_needed"),
        ({"amount": str(2**63)}, "invalid"),
        ({"amount": "0"}, "invalid"),
        ({"amount": "-36800"}, "invalid"),
        ({"business_from": "2027-02-30"}, "invalid"),
        ({"reference_no": ""}, "invalid"),
        ({"branch_code": "B'; --"}, "invalid"),
        ({"cursor": "WyIyMDI3LTAzLTEwIl0="}, "cursor_invalid"),
        ({"cursor": "WyIyMDI3LTAzLTEwIiwgIngiXQ=="}, "cursor_invalid"),
    ],
)
async def test_what_cannot_be_listed_is_refused_with_its_field(
    client: httpx.AsyncClient, tokens: Tokens, query: dict[str, str], code: str
) -> None:
    finance = tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)

    answer = await client.get("/v1/payments", params=query, headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"]


Names = dict[str, tuple[str | None, str | None]]


@pytest.fixture
def agent_service(wire: Wire) -> list[list[str]]:
    """Let agent-service name every agent; return what it was asked."""
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["agent_ids"])
        items = [{"agent_id": each, "full_name": "Budi Santoso"} for each in asked[-1]]
        return httpx.Response(200, json={"items": items})

    wire.answer("agent", answer)
    return asked


async def test_names_are_whole_to_those_they_belong_to_and_masked_to_others(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
    agent_service: list[list[str]],
) -> None:
    agent_id, wadah_id = new_id(), new_id()
    period = make_period(agent_id=agent_id, wadah_id=wadah_id)
    bill = await issue_bill(session, periods=[period])
    await settle(session, bill)
    await session.commit()
    people = {
        "member": tokens.make(Role.MEMBER, member_id=bill.member_id),
        "agent": tokens.make(Role.AGENT, Role.MEMBER, agent_id=agent_id, member_id=new_id()),
        "wadah": tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id),
        "officer": tokens.make(Role.BRANCH_OFFICER, scope=BWI),
        "finance": tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY),
        "auditor": tokens.make(Role.AUDITOR, scope=COUNTRY),
        # A member who also audits sees others as an auditor does.
        "both": tokens.make(Role.AUDITOR, Role.MEMBER, member_id=new_id(), scope=COUNTRY),
    }
    seen: Names = {}

    for name, headers in people.items():
        (payment,) = (await client.get("/v1/payments", headers=headers)).json()["items"]
        (allocation,) = payment["allocations"]
        assert allocation["agent_id"] == str(agent_id)
        assert (payment["partner_name"], payment["business_on"]) == ("Bank Uji", "2027-03-10")
        seen[name] = (allocation["member_name"], allocation["agent_name"])

    whole, masked, agent = "Siti Aminah", "S*** A***", "Budi Santoso"
    assert seen == {
        "member": (whole, agent),
        "agent": (whole, None),
        "wadah": (masked, agent),
        "officer": (whole, agent),
        "finance": (masked, agent),
        "auditor": (masked, None),
        "both": (masked, None),
    }
    assert agent_service == [[str(agent_id)]] * 4


async def test_a_list_records_once_the_persons_it_shows_and_asks_for_agents_once(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
    agent_service: list[list[str]],
) -> None:
    agent_id, account_id = new_id(), new_id()
    members = []
    for _ in range(3):
        bill = await issue_bill(session, periods=[make_period(agent_id=agent_id)])
        await settle(session, bill)
        members.append(bill.member_id)
    await session.commit()
    officer = tokens.make(Role.BRANCH_OFFICER, scope=BWI, account_id=account_id)

    await client.get("/v1/payments", headers=officer)
    await client.get("/v1/payments", headers=tokens.make(Role.MEMBER, member_id=members[0]))

    rows = (await session.scalars(select(ReadAudit).order_by(ReadAudit.id))).all()
    assert [(row.kind, row.ids) for row in rows] == [
        ("GET /v1/payments", sorted([*members, agent_id])),
        ("GET /v1/payments", [agent_id]),  # a member has read the agent's name
    ]
    assert rows[0].account_id == account_id
    assert agent_service == [[str(agent_id)]] * 2


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(200, json={"items": [{"agent_id": "?"}]})]
)
async def test_a_list_does_without_the_names_of_agents_while_nobody_tells_them(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
    wire: Wire,
    answer: httpx.Response,
) -> None:
    await settle(session, await issue_bill(session))
    await session.commit()
    wire.answer("agent", lambda _: answer)

    listed = await client.get("/v1/payments", headers=tokens.make(Role.BRANCH_OFFICER, scope=BWI))

    (allocation,) = listed.json()["items"][0]["allocations"]
    assert (listed.status_code, allocation["agent_name"]) == (200, None)
    assert UUID(allocation["agent_id"])


async def test_an_export_has_every_payment_of_its_days_and_no_formula_of_a_bank(
    client: httpx.AsyncClient,
    session: AsyncSession,
    make_bank: MakeBank,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
) -> None:
    await make_bank(name='=HYPERLINK("http://evil")')
    references = ["+1", "-1+2", "@SUM(A1)", " =1", 'a,b\n"c"', "00000000123"]
    paid = [
        await settle(session, await issue_bill(session), reference_no=each) for each in references
    ]
    await session.commit()
    finance = tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
    days = {"business_from": "2027-03-10", "business_to": "2027-03-10"}

    answer = await client.get("/v1/payments/export", params=days, headers=finance)
    other_day = {"business_from": "2027-03-11", "business_to": "2027-03-11"}
    empty = await client.get("/v1/payments/export", params=other_day, headers=finance)
    unbounded = await client.get("/v1/payments/export", headers=finance)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["id"] for row in rows) == sorted(str(each.id) for each in paid)
    assert {row["reference_no"] for row in rows} == {
        "'+1",
        "'-1+2",
        "'@SUM(A1)",
        "' =1",
        'a,b\n"c"',
        "00000000123",
    }
    assert {row["partner_name"] for row in rows} == {'\'=HYPERLINK("http://evil")'}
    assert {row["amount"] for row in rows} == {str(paid[0].amount)}
    assert "Siti" not in answer.text
    assert len(list(csv.DictReader(io.StringIO(empty.text)))) == 0
    assert (unbounded.status_code, unbounded.json()["code"]) == (422, "days_needed")
