import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from payment_service_tests.banking import make_period
from payment_service_tests.partner_bank import make_offer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, MakeApp, Tokens, Urls, Wire, open_app_client

IssueBill = Callable[..., Awaitable[BillOut]]
Know = Callable[[ContributionBasis], None]
MakeBasis = Callable[..., ContributionBasis]
MakePartner = Callable[..., Awaitable[BankPartner]]
Settle = Callable[..., Awaitable[Payment]]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(datetime(2026, 11, 5, 3, 0, tzinfo=UTC))


def asked(basis: ContributionBasis, **differences: Any) -> dict[str, Any]:
    usual = {"member_id": str(basis.member_id), "first_month": "2026-11", "month_count": 1}
    return {**usual, **differences}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def test_an_agent_bills_the_own_member(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    member_answers: Know,
) -> None:
    await make_partner(session)
    await session.commit()
    basis = make_basis()
    member_answers(basis)
    agent = tokens.make(Role.AGENT, agent_id=basis.owner.agent_id)

    answer = await client.post("/v1/bills", json=asked(basis), headers={**agent, **key()})

    assert answer.status_code == 201
    bill = answer.json()
    assert (bill["status"], bill["amount"], bill["display_name"]) == (
        "open",
        28_400,
        basis.display_name,
    )
    assert len(bill["lines"]) == 3
    assert bill["virtual_accounts"][0]["number"].startswith("88001")
    assert bill.pop("replaced_bill_id") is None
    assert (await client.get(f"/v1/bills/{bill['id']}", headers=agent)).json() == bill
    auditor = tokens.make(Role.AUDITOR, scope=Scope(ScopeKind.COUNTRY))
    masked = (await client.get(f"/v1/bills/{bill['id']}", headers=auditor)).json()
    assert masked == {**bill, "display_name": "S*** A***"}


async def test_a_new_bill_names_the_one_it_replaces(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    member_answers: Know,
) -> None:
    await make_partner(session)
    await session.commit()
    basis = make_basis()
    member_answers(basis)
    admin = tokens.make(Role.ADMIN)
    first = await client.post("/v1/bills", json=asked(basis), headers={**admin, **key()})

    second = await client.post("/v1/bills", json=asked(basis), headers={**admin, **key()})

    assert (second.status_code, second.json()["replaced_bill_id"]) == (201, first.json()["id"])
    replaced = (await client.get(f"/v1/bills/{first.json()['id']}", headers=admin)).json()
    assert (replaced["status"], replaced["replaced_by"]) == ("replaced", second.json()["id"])


@pytest.mark.parametrize(
    ("differences", "refusal"),
    [
        ({"offers": [], "not_billable": "deceased"}, "member_deceased"),
        ({"offers": [], "not_billable": "over_age"}, "member_over_age"),
        (
            {
                "registration": None,
                "offers": [make_offer(Month(2026, 11), opens_registration=True)],
                "declaration_needed": True,
            },
            "declaration_needed",
        ),
    ],
)
async def test_what_member_service_rules_out_is_refused_with_what_to_do(
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    differences: dict[str, Any],
    refusal: str,
) -> None:
    basis = make_basis(**differences)
    member_answers(basis)

    answer = await client.post(
        "/v1/bills", json=asked(basis), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, refusal)


async def test_no_declaration_is_needed_inside_a_registration(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    make_basis: MakeBasis,
    make_partner: MakePartner,
    member_answers: Know,
) -> None:
    await make_partner(session)
    await session.commit()
    basis = make_basis(declaration_needed=True)
    member_answers(basis)

    answer = await client.post(
        "/v1/bills", json=asked(basis), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert answer.status_code == 201


async def test_a_bill_needs_an_idempotency_key(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post("/v1/bills", json=asked(basis), headers=tokens.make(Role.ADMIN))

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


@pytest.fixture
async def own_client(
    own_database: Callable[[str], Urls],
    make_app: MakeApp,
    make_partner: MakePartner,
    wire: Wire,
) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    """A client on a database of its own, since the kept answers need real commits."""
    app = make_app(urls=own_database("payment"), wire=wire)
    database: Database = app.state.kit.database
    async with open_app_client(app) as client:
        async with database.begin() as session:
            await make_partner(session)
        yield client, database


async def test_a_repeated_request_gets_the_first_bill_even_while_member_service_is_away(
    own_client: tuple[httpx.AsyncClient, Database],
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    wire: Wire,
) -> None:
    client, database = own_client
    basis = make_basis()
    member_answers(basis)
    headers = {**tokens.make(Role.ADMIN), **key()}
    first = await client.post("/v1/bills", json=asked(basis), headers=headers)

    wire.answer("member", lambda _: httpx.Response(503))
    second = await client.post("/v1/bills", json=asked(basis), headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Bill)) == 1


async def test_a_refused_bill_leaves_nothing_behind(
    own_client: tuple[httpx.AsyncClient, Database],
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    settle: Settle,
) -> None:
    client, database = own_client
    basis = make_basis()
    member_answers(basis)
    headers = tokens.make(Role.ADMIN)
    shown = await client.post("/v1/bills", json=asked(basis), headers={**headers, **key()})
    async with database.begin() as session:
        await settle(session, BillOut.model_validate(shown.json()))

    answer = await client.post(
        "/v1/bills", json=asked(basis, month_count=3), headers={**headers, **key()}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "month_already_billed")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/first_month"]
    assert answer.json()["details"] == {"months": ["2026-11"]}
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Bill)) == 1


@pytest.mark.parametrize(
    ("member_service", "refusal"),
    [
        (httpx.Response(404, json={"code": "member_not_found"}), (404, "member_unknown")),
        (httpx.Response(500), (503, "unavailable")),
        (httpx.Response(200, json={}), (503, "unavailable")),
    ],
    ids=["unknown", "broken", "unreadable"],
)
async def test_without_the_members_basis_there_is_no_bill(
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_basis: MakeBasis,
    wire: Wire,
    member_service: httpx.Response,
    refusal: tuple[int, str],
) -> None:
    wire.answer("member", lambda _: member_service)

    answer = await client.post(
        "/v1/bills", json=asked(make_basis()), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert (answer.status_code, answer.json()["code"]) == refusal


async def test_somebody_elses_member_cannot_be_billed(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)
    other = tokens.make(Role.AGENT, agent_id=new_id())

    answer = await client.post("/v1/bills", json=asked(basis), headers={**other, **key()})

    assert (answer.status_code, answer.json()["code"]) == (404, "member_unknown")


@pytest.mark.parametrize(
    "broken", [{"month_count": 13}, {"first_month": "2026-1"}, {"member_id": "x"}], ids=str
)
async def test_a_body_that_makes_no_sense_is_refused_field_by_field(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, broken: dict[str, Any]
) -> None:
    answer = await client.post(
        "/v1/bills",
        json=asked(make_basis(), **broken),
        headers={**tokens.make(Role.ADMIN), **key()},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(broken))}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_a_body_that_is_not_readable_json_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, encoding: str
) -> None:
    body = json.dumps({"member_id": str(new_id()), "first_month": "2026-11", "month_count": 1})
    headers = {**tokens.make(Role.ADMIN), **key(), "Content-Type": "application/json"}
    sent = body[:-1].encode() if encoding == "utf-8" else body.encode(encoding)

    answer = await client.post("/v1/bills", content=sent, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "body_unreadable")


async def test_a_bill_is_cancelled_with_a_reason(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens, issue_bill: IssueBill
) -> None:
    period = make_period()
    bill = await issue_bill(session, periods=[period])
    await session.commit()
    agent = tokens.make(Role.AGENT, agent_id=period.agent_id)

    answer = await client.post(
        f"/v1/bills/{bill.id}/cancellation", json={"reason": "member_request"}, headers=agent
    )

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["void_reason"]) == ("void", "member_request")


async def test_bills_are_listed_by_member_and_status(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens, issue_bill: IssueBill
) -> None:
    bill = await issue_bill(session)
    await issue_bill(session)
    await session.commit()

    answer = await client.get(
        "/v1/bills",
        params={"member_id": str(bill.member_id), "status": "open"},
        headers=tokens.make(Role.ADMIN),
    )

    assert [item["id"] for item in answer.json()["items"]] == [str(bill.id)]
    assert answer.json()["next_cursor"] is None


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE_OFFICER, Role.SERVICE])
async def test_those_who_only_look_may_not_bill_or_cancel(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, role: Role
) -> None:
    headers = {**tokens.make(role), **key()}

    issued = await client.post("/v1/bills", json=asked(make_basis()), headers=headers)
    cancelled = await client.post(
        f"/v1/bills/{new_id()}/cancellation", json={"reason": "wrong_data"}, headers=headers
    )

    assert (issued.status_code, cancelled.status_code) == (403, 403)


async def test_nobody_sees_bills_without_a_token(client: httpx.AsyncClient) -> None:
    listed = await client.get("/v1/bills")
    issued = await client.post("/v1/bills", json={}, headers=key())

    assert (listed.status_code, issued.status_code) == (401, 401)


@pytest.mark.parametrize(
    ("first_month", "count", "wrong"),
    [
        ("2026-10", 1, "/first_month"),  # not offered
        ("2026-12", 1, "/first_month"),  # would leave a gap
        ("2027-06", 8, "/month_count"),  # reaches further than is sold
        ("2099-12", 12, "/first_month"),
    ],
)
async def test_months_that_are_not_offered_cannot_be_billed_and_the_refusal_says_which_can(
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    first_month: str,
    count: int,
    wrong: str,
) -> None:
    offers = [make_offer(Month(2026, 11)), make_offer(Month(2027, 6))]
    basis = make_basis(offers=offers)
    member_answers(basis)

    answer = await client.post(
        "/v1/bills",
        json=asked(basis, first_month=first_month, month_count=count),
        headers={**tokens.make(Role.ADMIN), **key()},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "month_not_billable")
    assert [each["pointer"] for each in answer.json()["errors"]] == [wrong]
    assert answer.json()["details"] == {
        "billable_from": ["2026-11", "2027-06"],
        "latest": "2027-11",
    }


async def test_an_offer_that_has_ended_meanwhile_is_not_taken(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    over = make_offer(Month(2026, 11), pay_before=datetime(2026, 11, 5, 3, 0, tzinfo=UTC))
    basis = make_basis(offers=[over, make_offer(Month(2026, 12))])
    member_answers(basis)

    answer = await client.post(
        "/v1/bills", json=asked(basis), headers={**tokens.make(Role.ADMIN), **key()}
    )

    assert answer.json()["details"]["billable_from"] == ["2026-12"]
