"""Schemes: seeded, proposed by one, decided by another, and never edited."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.village import Village, apply_all
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import service as commissions
from payment_service.schemes import service
from payment_service.schemes.rules import SCHEME_2018, SCHEME_2022
from payment_service.schemes.schemas import SchemeTerms
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.testing.plugin import MakeApp, Tokens, Wire, open_app_client

COUNTRY = {"kind": ScopeKind.COUNTRY}
SCHEMES = "/v1/commission-schemes"
NOVEMBER = Month(2025, 11)
Officer = Callable[[], dict[str, str]]


@pytest.fixture
def officer(tokens: Tokens) -> Officer:
    """Another finance officer each time."""
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY, account_id=new_id())


def proposal(**differences: Any) -> dict[str, Any]:
    terms = SchemeTerms.of(SCHEME_2022).model_dump(mode="json")
    return {
        "name": "Scheme of 2027",
        "first_month": "2027-01",
        "terms": {**terms, **differences.pop("terms", {})},
        "source": "A regulation, article 1.",
        **differences,
    }


async def proposed(
    client: httpx.AsyncClient, officer: dict[str, str], **differences: Any
) -> dict[str, Any]:
    answer = await client.post(SCHEMES, json=proposal(**differences), headers=officer)
    assert answer.status_code == 201, answer.text
    scheme: dict[str, Any] = answer.json()
    return scheme


async def decide(
    client: httpx.AsyncClient,
    scheme: dict[str, Any],
    officer: dict[str, str],
    verdict: str = "approved",
) -> httpx.Response:
    path = f"{SCHEMES}/{scheme['id']}/decision"
    return await client.post(path, json={"verdict": verdict}, headers=officer)


async def test_the_two_published_schemes_are_seeded_with_their_sources(
    session: AsyncSession,
) -> None:
    found = {each.first_month: each.terms for each in await service.approved(session)}
    page = await service.list_schemes(session, cursor=None, limit=10)

    assert found == {Month(2017, 1): SCHEME_2018, Month(2022, 4): SCHEME_2022}
    assert all("S7" in each.source for each in page.items)
    assert {each.proposed_by for each in page.items} == {None}


async def test_a_scheme_applies_once_somebody_else_has_approved_it(
    client: httpx.AsyncClient, officer: Officer, session: AsyncSession
) -> None:
    author, reviewer = officer(), officer()
    scheme = await proposed(client, author)

    own = await decide(client, scheme, author)
    before = {each.first_month for each in await service.approved(session)}
    approved = await decide(client, scheme, reviewer)
    again = await decide(client, scheme, officer(), "rejected")

    assert (own.status_code, own.json()["code"]) == (403, "own_proposal")
    assert Month(2027, 1) not in before
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    assert approved.json()["terms"] == scheme["terms"]
    assert (again.status_code, again.json()["code"]) == (409, "scheme_decided")
    assert Month(2027, 1) in {each.first_month for each in await service.approved(session)}


async def test_a_rejected_scheme_never_applies(
    client: httpx.AsyncClient, officer: Officer, session: AsyncSession
) -> None:
    scheme = await proposed(client, officer())

    rejected = await decide(client, scheme, officer(), "rejected")

    assert rejected.json()["status"] == "rejected"
    assert len(await service.approved(session)) == 2


async def test_two_approved_schemes_never_begin_together(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    first, second = await proposed(client, officer()), await proposed(client, officer())
    await decide(client, first, officer())

    answer = await decide(client, second, officer())

    assert (answer.status_code, answer.json()["code"]) == (409, "scheme_month_taken")


async def test_a_month_that_has_begun_to_count_keeps_its_scheme(
    client: httpx.AsyncClient, officer: Officer, session: AsyncSession
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await apply_all(session, village)
    early = await proposed(client, officer(), first_month="2025-11")
    later = await proposed(client, officer(), first_month="2025-12")

    refused = await decide(client, early, officer())
    approved = await decide(client, later, officer())

    assert (refused.status_code, refused.json()["code"]) == (409, "scheme_too_early")
    assert refused.json()["details"] == {"earliest": "2025-12"}
    assert approved.status_code == 200


async def test_a_new_scheme_counts_for_its_months_alone(
    client: httpx.AsyncClient, officer: Officer, session: AsyncSession
) -> None:
    scheme = await proposed(
        client,
        officer(),
        first_month="2025-12",
        terms={"tiers": [{"first_index": 1, "rate_bps": 2_000}]},
    )
    await decide(client, scheme, officer())
    village = Village()
    for month in (NOVEMBER, NOVEMBER.plus(1)):
        village.enrol(1, month)

    await apply_all(session, village)

    sums = [
        await commissions.sum_month(session, village.agent_id, month)
        for month in (NOVEMBER, NOVEMBER.plus(1))
    ]
    assert [each.parts for each in sums] == [36_800 * 1_500, 36_800 * 2_000]


@pytest.mark.parametrize(
    ("differences", "pointer"),
    [
        ({"terms": {"tiers": [{"first_index": 1, "rate_bps": 1_501}]}}, "/terms/tiers/0/rate_bps"),
        ({"terms": {"wadah_share_bps": 1}}, "/terms/wadah_share_bps"),
        ({"terms": {"threshold": 0}}, "/terms/threshold"),
        ({"terms": {"acquisition_fixed": 10**10}}, "/terms/acquisition_fixed"),
        ({"first_month": "2027-13"}, "/first_month"),
        ({"source": ""}, "/source"),
    ],
    ids=str,
)
async def test_a_scheme_that_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, officer: Officer, differences: dict[str, Any], pointer: str
) -> None:
    answer = await client.post(SCHEMES, json=proposal(**differences), headers=officer())

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("terms", "pointer", "limit"),
    [
        ({"tiers": [{"first_index": 1, "rate_bps": 10_000}]}, "/terms/tiers/0/rate_bps", 3_000),
        ({"tiers": [{"first_index": 1, "rate_bps": 2_800}]}, "/terms/tiers/0/rate_bps", 3_000),
        ({"acquisition_fixed": 1_000_001}, "/terms/acquisition_fixed", 1_000_000),
        (
            {"acquisition_by_programmes": [{"programmes": 2, "amount": 10**8}]},
            "/terms/acquisition_by_programmes/0/amount",
            1_000_000,
        ),
    ],
)
async def test_a_scheme_that_pays_more_than_anybody_can_mean_is_refused(
    client: httpx.AsyncClient,
    officer: Officer,
    terms: dict[str, Any],
    pointer: str,
    limit: int,
) -> None:
    answer = await client.post(SCHEMES, json=proposal(terms=terms), headers=officer())

    assert (answer.status_code, answer.json()["code"]) == (422, "scheme_too_generous")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert answer.json()["details"] == {"limit": limit}


async def test_the_bound_is_a_setting_and_counts_when_a_scheme_is_decided(
    client: httpx.AsyncClient, officer: Officer, make_app: MakeApp, database: Database, wire: Wire
) -> None:
    strict = make_app(database=database, wire=wire, scheme_max_share_bps=1_000)
    scheme = await proposed(client, officer())

    async with open_app_client(strict) as elsewhere:
        approved = await decide(elsewhere, scheme, officer())
        rejected = await decide(elsewhere, scheme, officer(), "rejected")

    assert (approved.status_code, approved.json()["code"]) == (422, "scheme_too_generous")
    assert rejected.json()["status"] == "rejected"


async def test_no_scheme_begins_before_the_programme(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    answer = await client.post(SCHEMES, json=proposal(first_month="2016-12"), headers=officer())

    assert (answer.status_code, answer.json()["code"]) == (422, "month_outside_programme")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/first_month"]


@pytest.mark.parametrize("kind", [ScopeKind.BRANCH, ScopeKind.REGION])
async def test_a_colleague_of_a_branch_decides_on_no_scheme(
    client: httpx.AsyncClient, officer: Officer, tokens: Tokens, kind: ScopeKind
) -> None:
    scheme = await proposed(client, officer())
    colleague = tokens.make(Role.FINANCE_OFFICER, scope={"kind": kind, "code": "BWI"})

    answer = await decide(client, scheme, colleague)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_unknown_scheme_is_not_found(client: httpx.AsyncClient, officer: Officer) -> None:
    read = await client.get(f"{SCHEMES}/{new_id()}", headers=officer())
    decided = await decide(client, {"id": new_id()}, officer())

    assert {read.status_code, decided.status_code} == {404}


async def test_the_database_itself_wants_four_eyes_and_unedited_terms(
    session: AsyncSession, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    author = new_id()
    scheme = await proposed(
        client, tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY, account_id=author)
    )
    own = text(
        "UPDATE commission_schemes SET status = 'approved', decided_by = :who, decided_at = now()"
        " WHERE id = :id"
    ).bindparams(who=author, id=UUID(scheme["id"]))

    with pytest.raises(IntegrityError, match="four_eyes"):
        async with session.begin_nested():
            await session.execute(own)
    for change in ("UPDATE commission_schemes SET terms = '{}'", "DELETE FROM commission_schemes"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(change))


@pytest.mark.parametrize(
    ("payee", "expected"), [(None, PaymentMethod.WADAH), ("agents", PaymentMethod.AGENTS)]
)
async def test_a_scheme_says_who_is_paid_or_leaves_it_to_the_default(
    client: httpx.AsyncClient,
    officer: Officer,
    session: AsyncSession,
    payee: str | None,
    expected: PaymentMethod,
) -> None:
    scheme = await proposed(client, officer(), terms={"payee": payee})
    await decide(client, scheme, officer())

    applied = {each.first_month: each for each in await service.approved(session)}
    stored = await session.scalar(
        text("SELECT terms ->> 'payee' FROM commission_schemes WHERE id = :id"),
        {"id": UUID(scheme["id"])},
    )

    assert scheme["terms"]["payee"] == payee
    assert applied[Month(2027, 1)].payee is expected
    assert stored == payee


async def test_the_seeded_schemes_pay_the_agents_and_later_the_wadah(
    session: AsyncSession,
) -> None:
    payees = {each.first_month: each.payee for each in await service.approved(session)}

    assert payees == {
        Month(2017, 1): PaymentMethod.AGENTS,
        Month(2022, 4): PaymentMethod.WADAH,
    }
