"""Whose is this account? Asked of a bank, answered with a match and never a name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.testing.plugin import MakeApp, Tokens, Urls, Wire, open_app_client

PATH = "/v1/account-verifications"
ACCOUNT = "1234567890"
HELD = "SITI NUR AMINAH"
COUNTRY = {"kind": ScopeKind.COUNTRY}
NewPartner = Callable[..., dict[str, Any]]
Join = Callable[..., Awaitable[None]]


@pytest.fixture
def ours(tokens: Tokens) -> dict[str, str]:
    return tokens.service("agent-service")


@pytest.fixture
def join(client: httpx.AsyncClient, tokens: Tokens, new_partner: NewPartner) -> Join:
    """Let an active bank partner join."""

    async def join_(**differences: Any) -> None:
        admin, finance = tokens.make(Role.ADMIN), tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
        made = await client.post(
            "/v1/bank-partners", json=new_partner(**differences), headers=admin
        )
        activated = await client.post(
            f"/v1/bank-partners/{made.json()['id']}/activation",
            headers={**finance, "If-Match": made.headers["ETag"]},
        )
        assert activated.status_code == 200

    return join_


def question(**changes: Any) -> dict[str, Any]:
    usual = {"bank_code": "999", "account_no": ACCOUNT, "holder_name": "Siti Nuraminah"}
    return {**usual, **changes}


@pytest.mark.parametrize(
    ("stated", "outcome"), [("Siti Nuraminah", "match"), ("Budi Santoso", "mismatch")]
)
async def test_the_answer_says_only_whether_the_names_match(
    client: httpx.AsyncClient,
    ours: dict[str, str],
    join: Join,
    fake_bank: Any,
    stated: str,
    outcome: str,
) -> None:
    await join()
    fake_bank.names[ACCOUNT] = HELD

    answer = await client.post(PATH, json=question(holder_name=stated), headers=ours)

    assert answer.status_code == 200
    assert answer.json() == {"designated": True, "outcome": outcome}


async def test_a_bank_that_has_moved_is_asked_where_it_is_now(
    client: httpx.AsyncClient,
    tokens: Tokens,
    ours: dict[str, str],
    join: Join,
    new_partner: NewPartner,
    fake_bank: Any,
) -> None:
    fake_bank.names[ACCOUNT] = HELD
    here = new_partner()["outbound"]
    await join(outbound={**here, "base_url": "https://nobody.test"})
    admin, finance = tokens.make(Role.ADMIN), tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
    (partner,) = (await client.get("/v1/bank-partners", headers=admin)).json()["items"]
    address = f"/v1/bank-partners/{partner['id']}"
    before = await client.post(PATH, json=question(), headers=ours)

    await client.post(f"{address}/suspension", headers=admin)
    moved = await client.put(f"{address}/outbound", json=here, headers=admin)
    seen = {"If-Match": moved.headers["ETag"]}
    await client.post(f"{address}/activation", headers={**finance, **seen})
    after = await client.post(PATH, json=question(), headers=ours)

    assert [each.json()["outcome"] for each in (before, after)] == ["unknown", "match"]


async def test_the_own_bank_is_asked_directly(
    client: httpx.AsyncClient, ours: dict[str, str], join: Join, fake_bank: Any
) -> None:
    await join(bank_code="111", client_id="first")
    await join(bank_code="999", client_id="second")

    await client.post(PATH, json=question(), headers=ours)

    ((path, message),) = fake_bank.asked
    assert path == "/account-inquiry-internal"
    assert "beneficiaryBankCode" not in message


@pytest.fixture
async def listing_client(
    make_app: MakeApp, database: Database, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that lists its designated banks."""
    async with open_app_client(
        make_app(database=database, wire=wire, designated_banks=("009", "022"))
    ) as client:
        yield client


async def test_a_listed_bank_that_is_no_partner_is_asked_through_one(
    listing_client: httpx.AsyncClient, ours: dict[str, str], join: Join, fake_bank: Any
) -> None:
    await join()
    fake_bank.names[ACCOUNT] = HELD

    answer = await listing_client.post(PATH, json=question(bank_code="009"), headers=ours)

    assert answer.json() == {"designated": True, "outcome": "match"}
    ((path, message),) = fake_bank.asked
    assert path == "/account-inquiry-external"
    assert message["beneficiaryBankCode"] == "009"


async def test_a_partner_that_is_not_listed_is_not_designated(
    listing_client: httpx.AsyncClient, ours: dict[str, str], join: Join, fake_bank: Any
) -> None:
    await join()

    answer = await listing_client.post(PATH, json=question(), headers=ours)

    assert answer.json() == {"designated": False, "outcome": "unknown"}
    assert fake_bank.asked == []


async def test_a_bank_that_is_not_designated_is_not_asked(
    client: httpx.AsyncClient, ours: dict[str, str], join: Join, fake_bank: Any
) -> None:
    await join()

    answer = await client.post(PATH, json=question(bank_code="014"), headers=ours)

    assert answer.json() == {"designated": False, "outcome": "unknown"}
    assert fake_bank.asked == []


async def test_an_account_the_bank_does_not_know_is_not_found(
    client: httpx.AsyncClient, ours: dict[str, str], join: Join, fake_bank: Any
) -> None:
    await join()

    answer = await client.post(PATH, json=question(), headers=ours)

    assert answer.json() == {"designated": True, "outcome": "not_found"}


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("late"),
        httpx.ConnectError("away"),
        httpx.RemoteProtocolError("broken off"),
        httpx.Response(500, json={"responseCode": "5001500", "responseMessage": "General Error"}),
        httpx.Response(504, content=b""),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"responseCode": "2001500", "responseMessage": "Successful"}),
        httpx.Response(403, json={"responseCode": "4031518", "responseMessage": "Inactive"}),
        httpx.Response(
            200,
            json={
                "responseCode": "2001500",
                "responseMessage": "Successful",
                "beneficiaryAccountName": HELD,
                "beneficiaryAccountNo": "another",
            },
        ),
    ],
)
async def test_anything_but_a_clear_answer_is_unknown(
    *,
    client: httpx.AsyncClient,
    ours: dict[str, str],
    join: Join,
    fake_bank: Any,
    failure: httpx.Response | Exception,
) -> None:
    await join()
    fake_bank.failure = failure

    answer = await client.post(PATH, json=question(), headers=ours)

    assert answer.status_code == 200
    assert answer.json() == {"designated": True, "outcome": "unknown"}


async def test_without_a_bank_that_can_be_called_the_outcome_is_unknown(
    client: httpx.AsyncClient, ours: dict[str, str], join: Join, new_partner: NewPartner
) -> None:
    await join(outbound=None)

    answer = await client.post(PATH, json=question(), headers=ours)

    assert answer.json() == {"designated": True, "outcome": "unknown"}


async def test_a_suspended_partner_is_not_asked(
    client: httpx.AsyncClient,
    ours: dict[str, str],
    join: Join,
    fake_bank: Any,
    session: AsyncSession,
) -> None:
    await join()
    await session.execute(text("UPDATE bank_partners SET status = 'suspended'"))

    answer = await client.post(PATH, json=question(), headers=ours)

    assert answer.json() == {"designated": False, "outcome": "unknown"}
    assert fake_bank.asked == []


async def test_no_connection_is_held_while_the_bank_is_asked(
    *,
    make_app: MakeApp,
    own_database: Callable[[str], Urls],
    tokens: Tokens,
    new_partner: NewPartner,
    wire: Wire,
) -> None:
    app = make_app(urls=own_database("payment"), wire=wire)
    held: list[int] = []

    def look(_: httpx.Request) -> httpx.Response:
        held.append(app.state.kit.database.engine.pool.checkedout())
        return httpx.Response(503)

    wire.answer("bank.test", look)
    async with open_app_client(app, **tokens.make(Role.ADMIN, Role.SERVICE)) as client:
        made = await client.post("/v1/bank-partners", json=new_partner())
        activation = f"/v1/bank-partners/{made.json()['id']}/activation"
        await client.post(activation, headers={**tokens.make(Role.ADMIN), "If-Match": "*"})
        await client.post(PATH, json=question())

    assert held == [0]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
async def test_only_our_own_services_may_ask(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    answer = await client.post(PATH, json=question(), headers=tokens.make(role))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"account_no": "12-34"}, "/account_no"),
        ({"account_no": "1" * 35}, "/account_no"),
        ({"bank_code": "\x00"}, "/bank_code"),
        ({"holder_name": ""}, "/holder_name"),
        ({"holder_name": "x" * 256}, "/holder_name"),
    ],
)
async def test_a_question_out_of_bounds_is_refused(
    client: httpx.AsyncClient, ours: dict[str, str], changes: dict[str, Any], pointer: str
) -> None:
    answer = await client.post(PATH, json=question(**changes), headers=ours)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
