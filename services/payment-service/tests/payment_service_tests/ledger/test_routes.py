from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest
from payment_service_tests.ledger.contributions import Received, book
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks.models import BankPartner
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.http.paging import encode_cursor
from perisai_kit.testing.plugin import Tokens

COUNTRY = {"kind": ScopeKind.COUNTRY}
MakePartner = Callable[..., Awaitable[BankPartner]]
pytestmark = pytest.mark.usefixtures("booked")


@pytest.fixture
async def booked(session: AsyncSession) -> None:
    amounts = (("jkk", 5_000), ("jkm", 3_400), ("jht", 20_000))
    await book(session, *(Received(1, programme, amount) for programme, amount in amounts))


async def test_a_finance_officer_reads_the_balances(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(
        "/v1/ledger/accounts", headers=tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)
    )

    assert answer.status_code == 200
    bank, jht, *_ = answer.json()["items"]
    assert (bank["account_class"], bank["balance"]) == ("assets", 28_400)
    assert (jht["account"], jht["purpose"], jht["balance"]) == (
        "bpjs_payable:jht:2026-11",
        "collection",
        20_000,
    )


async def test_an_auditor_follows_a_payment_through_the_books(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(
        "/v1/ledger/transfers",
        params={"cause": f"allocation:{UUID(int=1)}", "limit": 2},
        headers=tokens.make(Role.AUDITOR, scope=COUNTRY),
    )
    rest = await client.get(
        "/v1/ledger/transfers",
        params={"cause": f"allocation:{UUID(int=1)}", "cursor": answer.json()["next_cursor"]},
        headers=tokens.make(Role.AUDITOR, scope=COUNTRY),
    )

    assert len(answer.json()["items"]) == 2
    assert len(rest.json()["items"]) == 1
    assert rest.json()["next_cursor"] is None


@pytest.mark.parametrize("cause", ["allocation:1", "payment:00000000-0000-0000-0000-000000000001"])
async def test_what_is_no_cause_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, cause: str
) -> None:
    answer = await client.get(
        "/v1/ledger/transfers",
        params={"cause": cause},
        headers=tokens.make(Role.AUDITOR, scope=COUNTRY),
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "cause"


async def test_an_account_outside_the_chart_is_refused(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(
        "/v1/ledger/transfers", params={"account": "cash"}, headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "account_invalid")


@pytest.mark.parametrize(
    "cursor", ["x", encode_cursor("x"), encode_cursor(-1), encode_cursor(10**19)]
)
async def test_a_cursor_we_did_not_give_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, cursor: str
) -> None:
    answer = await client.get(
        "/v1/ledger/transfers", params={"cursor": cursor}, headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_the_export_is_a_journal(client: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await client.get("/v1/ledger/export", headers=tokens.make(Role.AUDITOR, scope=COUNTRY))

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "liabilities:bpjs_payable:jkm:2026-11  -3400 IDR" in answer.text


async def test_the_accounts_of_a_bank_are_declared_by_its_codes(
    client: httpx.AsyncClient, tokens: Tokens, session: AsyncSession, make_partner: MakePartner
) -> None:
    partner = await make_partner(session)
    await book(session, Received(2, partner=partner.id))

    answer = await client.get("/v1/ledger/export", headers=tokens.make(Role.AUDITOR, scope=COUNTRY))

    ledger = f"bank_collection:{partner.id}"
    readable = f"assets:bank_collection:{partner.bank_code}-{partner.company_code}"
    assert f"alias assets:{ledger} = {readable}\n" in answer.text
    assert f"account {readable}  ; ledger:{ledger}\n" in answer.text


async def test_days_in_the_wrong_order_are_refused_before_the_journal(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get(
        "/v1/ledger/export",
        params={"first_on": "2026-11-02", "last_on": "2026-11-01"},
        headers=tokens.make(Role.AUDITOR, scope=COUNTRY),
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "days_reversed")


async def test_a_journal_holds_what_was_booked_before_an_instant(
    client: httpx.AsyncClient, tokens: Tokens, session: AsyncSession
) -> None:
    await book(session, Received(2))
    headers = tokens.make(Role.AUDITOR, scope=COUNTRY)

    early, late, bare = [
        await client.get("/v1/ledger/export", params={"booked_through": each}, headers=headers)
        for each in ("2020-01-01T00:00:00+07:00", "2099-01-01T00:00:00+07:00", "2026-12-01")
    ]

    assert "contribution_received" not in early.text
    assert "booked before 2020-01-01T00:00:00+07:00 with" in early.text
    assert "contribution_received" in late.text
    assert bare.status_code == 422
    assert bare.json()["errors"][0]["parameter"] == "booked_through"


async def test_a_number_is_no_date(client: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.make(Role.AUDITOR, scope=COUNTRY)

    answer = await client.get("/v1/ledger/export", params={"last_on": "0"}, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "last_on"


@pytest.mark.parametrize("path", ["accounts", "transfers", "export"])
@pytest.mark.parametrize("role", [Role.MEMBER, Role.AGENT, Role.BRANCH_OFFICER, Role.SERVICE])
async def test_the_books_are_closed_to_others(
    client: httpx.AsyncClient, tokens: Tokens, path: str, role: Role
) -> None:
    answer = await client.get(f"/v1/ledger/{path}", headers=tokens.make(role))

    assert answer.status_code == 403
