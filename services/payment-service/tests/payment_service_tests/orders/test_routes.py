from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.banking import make_period
from payment_service_tests.partner_bank import make_offer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import checks
from payment_service.attributions import service as attributions
from payment_service.attributions.service import Attributed
from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.clients.members import ContributionBasis
from payment_service.orders.models import Order
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, MakeApp, Tokens, Urls, Wire, open_app_client

ISSUED = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
NOVEMBER = Month(2026, 11)

Know = Callable[[ContributionBasis], None]
MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(ISSUED)


@pytest.fixture
async def banks(session: AsyncSession, make_partner: MakePartner) -> list[BankPartner]:
    partners = [await make_partner(session), await make_partner(session, company_code="88002")]
    await session.commit()
    return partners


@pytest.fixture
def make_members(make_basis: MakeBasis, member_answers: Know) -> Callable[..., Any]:
    """Make members whom member-service knows, each in the care of an agent of their own."""

    def make(count: int, **differences: Any) -> list[ContributionBasis]:
        bases = [make_basis(**differences) for _ in range(count)]
        for basis in bases:
            member_answers(basis)
        return bases

    return make


MakeMembers = Callable[..., list[ContributionBasis]]


def asked(members: Sequence[ContributionBasis], **differences: Any) -> dict[str, Any]:
    """Return the body that asks for November for each of these members."""
    usual = {"first_month": "2026-11", "month_count": 1, **differences}
    bills = [{"member_id": str(each.member_id), **usual} for each in members]
    return {"name": "Keluarga Aminah", "bills": bills}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def count(session: AsyncSession) -> tuple[int | None, int | None]:
    """Return how many orders and bills there are."""
    orders = await session.scalar(select(func.count()).select_from(Order))
    return orders, await session.scalar(select(func.count()).select_from(Bill))


async def test_an_order_has_a_bill_for_each_member_and_one_number_at_every_bank(
    *,
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
    published: Published,
) -> None:
    members, admin = make_members(3), tokens.make(Role.ADMIN)

    answer = await client.post("/v1/orders", json=asked(members), headers={**admin, **key()})

    assert answer.status_code == 201
    order = answer.json()
    assert order.pop("replaced_bill_ids") == []
    assert (order["status"], order["bill_count"], order["amount"]) == ("open", 3, 3 * 28_400)
    assert order["name"] == "Keluarga Aminah"
    auditor = tokens.make(Role.AUDITOR, scope=Scope(ScopeKind.COUNTRY))
    masked = (await client.get(f"/v1/orders/{order['id']}", headers=auditor)).json()
    assert masked["name"] == "K*** A***"
    assert [each["member_id"] for each in order["bills"]] == [
        str(each.member_id) for each in members
    ]
    assert {each["order_id"] for each in order["bills"]} == {order["id"]}
    assert {each["partner_id"] for each in order["virtual_accounts"]} == {
        str(each.id) for each in banks
    }
    assert (await client.get(f"/v1/orders/{order['id']}", headers=admin)).json() == order
    issued = [data for kind, data in await published(session) if kind == "bill.issued.v1"]
    assert {each["order_id"] for each in issued} == {order["id"]}
    assert len(issued) == 3
    assert await checks.find_faults(session) == []


async def test_an_order_names_the_bills_it_replaces(
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    one, other, third = make_members(3)
    admin = tokens.make(Role.ADMIN)
    first = await client.post("/v1/orders", json=asked([one, other]), headers={**admin, **key()})

    second = await client.post("/v1/orders", json=asked([third, other]), headers={**admin, **key()})

    replaced = first.json()["bills"][1]["id"]
    assert second.json()["replaced_bill_ids"] == [replaced]
    shown = await client.get(f"/v1/orders/{first.json()['id']}", headers=admin)
    assert [each["status"] for each in shown.json()["bills"]] == ["open", "replaced"]
    assert shown.json()["status"] == "open"
    assert shown.json()["bills"][1]["replaced_by"] == second.json()["bills"][1]["id"]


async def test_an_order_without_an_open_bill_is_closed(
    *,
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
    business_time: BusinessTime,
) -> None:
    admin = tokens.make(Role.ADMIN)
    order = await client.post("/v1/orders", json=asked(make_members(2)), headers={**admin, **key()})

    business_time.at(ISSUED + timedelta(days=8))
    shown = await client.get(f"/v1/orders/{order.json()['id']}", headers=admin)

    assert shown.json()["status"] == "closed"


async def test_the_issuer_of_an_order_sees_its_name_but_not_those_of_members(
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    members = make_members(1)
    issuer, colleague = (
        tokens.make(Role.WADAH_ADMIN, wadah_id=members[0].owner.wadah_id) for _ in range(2)
    )

    issued = await client.post("/v1/orders", json=asked(members), headers={**issuer, **key()})
    url = f"/v1/orders/{issued.json()['id']}"
    again = (await client.get(url, headers=issuer)).json()
    other = (await client.get(url, headers=colleague)).json()

    assert {issued.json()["name"], again["name"]} == {"Keluarga Aminah"}
    assert other["name"] == "K*** A***"
    assert all("*" in bill["display_name"] for bill in again["bills"])


async def test_all_bills_of_an_order_are_issued_or_none_and_each_fault_is_named(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    members = make_members(1)
    members += make_members(1, offers=[], not_billable="deceased")
    members += make_members(1, offers=[make_offer(NOVEMBER.plus(1))])

    answer = await client.post(
        "/v1/orders", json=asked(members), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert answer.status_code == 422
    faults = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert faults == [
        ("/bills/1/member_id", "member_deceased"),
        ("/bills/2/first_month", "month_not_billable"),
    ]
    assert await count(session) == (0, 0)


async def test_a_member_stands_once_in_an_order(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens, make_members: MakeMembers
) -> None:
    (member,) = make_members(1)

    answer = await client.post(
        "/v1/orders", json=asked([member, member]), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert answer.status_code == 422
    faults = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert faults == [("/bills", "entry_repeated")]
    assert await count(session) == (0, 0)


async def test_members_whom_an_agent_may_not_see_are_named_and_nothing_is_issued(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
    make_basis: MakeBasis,
) -> None:
    own, other = make_members(2)
    agent = tokens.make(Role.AGENT, agent_id=own.owner.agent_id)

    answer = await client.post(
        "/v1/orders", json=asked([own, other, make_basis()]), headers={**agent, **key()}
    )

    assert answer.status_code == 404
    faults = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert faults == [(f"/bills/{place}/member_id", "member_unknown") for place in (1, 2)]
    assert await count(session) == (0, 0)


async def test_an_order_has_one_to_a_hundred_bills_of_different_members(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis
) -> None:
    one, admin = make_basis(), tokens.make(Role.ADMIN)
    for members in ([], [one, one], [make_basis() for _ in range(101)]):
        answer = await client.post("/v1/orders", json=asked(members), headers={**admin, **key()})

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert answer.json()["errors"][0]["pointer"] in ("/bills", "")


async def test_an_agent_sees_the_own_bills_of_an_order_and_others_no_order(
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    one, other = make_members(2)
    admin = tokens.make(Role.ADMIN)
    order = await client.post("/v1/orders", json=asked([one, other]), headers={**admin, **key()})
    path = f"/v1/orders/{order.json()['id']}"
    agent = tokens.make(Role.AGENT, agent_id=one.owner.agent_id)
    unrelated = tokens.make(Role.AGENT, agent_id=new_id())

    shown, hidden = [await client.get(path, headers=who) for who in (agent, unrelated)]
    listed, empty = [await client.get("/v1/orders", headers=who) for who in (agent, unrelated)]

    assert [each["member_id"] for each in shown.json()["bills"]] == [str(one.member_id)]
    assert (shown.json()["bill_count"], shown.json()["amount"]) == (2, 2 * 28_400)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "order_not_found")
    assert [each["id"] for each in listed.json()["items"]] == [order.json()["id"]]
    assert empty.json()["items"] == []


async def test_the_order_of_a_single_bill_is_shown_but_not_listed(
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    (member,), admin = make_members(1), tokens.make(Role.ADMIN)
    body = asked([member])["bills"][0]
    bill = (await client.post("/v1/bills", json=body, headers={**admin, **key()})).json()

    shown = await client.get(f"/v1/orders/{bill['order_id']}", headers=admin)
    listed = await client.get("/v1/orders", headers=admin)

    assert [each["id"] for each in shown.json()["bills"]] == [bill["id"]]
    assert shown.json()["virtual_accounts"] == bill["virtual_accounts"]
    assert listed.json()["items"] == []


async def test_orders_come_in_pages_the_latest_first(
    client: httpx.AsyncClient,
    tokens: Tokens,
    banks: list[BankPartner],
    make_members: MakeMembers,
) -> None:
    admin = tokens.make(Role.ADMIN)
    issued = [
        await client.post("/v1/orders", json=asked(make_members(2)), headers={**admin, **key()})
        for _ in range(3)
    ]

    first = (await client.get("/v1/orders", params={"limit": 2}, headers=admin)).json()
    rest = await client.get("/v1/orders", params={"cursor": first["next_cursor"]}, headers=admin)

    ids = [each["id"] for each in [*first["items"], *rest.json()["items"]]]
    assert ids == [each.json()["id"] for each in reversed(issued)]


@pytest.fixture
async def own_client(
    own_database: Callable[[str], Urls], make_app: MakeApp, make_partner: MakePartner, wire: Wire
) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    """A client on a database of its own, since the kept answers need real commits."""
    app = make_app(urls=own_database("payment"), wire=wire)
    database: Database = app.state.kit.database
    async with open_app_client(app) as client:
        async with database.begin() as session:
            await make_partner(session)
        yield client, database


async def test_a_repeated_request_gets_the_first_order_and_never_one_with_members_lost_since(
    own_client: tuple[httpx.AsyncClient, Database], tokens: Tokens, make_members: MakeMembers
) -> None:
    client, database = own_client
    period = make_period()
    members = make_members(2, periods=[period])
    headers = {**tokens.make(Role.AGENT, agent_id=period.agent_id), **key()}

    first, again = [
        await client.post("/v1/orders", json=asked(members), headers=headers) for _ in range(2)
    ]
    async with database.begin() as session:
        lost = Attributed(members[1].member_id, 2, [make_period()])
        await attributions.take(session, [lost])
    refused = await client.post("/v1/orders", json=asked(members), headers=headers)

    assert first.status_code == 201
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (refused.status_code, refused.json()["code"]) == (404, "bill_not_found")
    async with database.read() as session:
        assert await count(session) == (1, 2)
