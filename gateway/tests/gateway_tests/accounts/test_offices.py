"""Accounts get only branches, regions, wadahs and bank partners that other services know."""

from typing import Any

import httpx
import pytest
from gateway_tests.accounts.test_routes import WHY, create
from gateway_tests.conftest import PARTNER, WADAH
from gateway_tests.gateways import COUNTRY, OFFICER, PASSWORD, bearer

from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Wire


def branch(code: str, region: str) -> dict[str, Any]:
    return {"scope": {"kind": "branch", "code": code, "region": region}}


def engineer(partner_id: str) -> dict[str, Any]:
    return {"roles": ["bank_engineer"], "scope": {"kind": "bank_partner", "code": partner_id}}


UNKNOWN = [
    (branch("NOPE", "jatim"), "scope_branch_unknown", "/scope/code"),
    (branch("banyuwangi", "sulsel"), "scope_region_differs", "/scope/region"),
    ({"scope": {"kind": "region", "code": "NOPE"}}, "scope_region_unknown", "/scope/code"),
    (
        {"roles": ["wadah_admin"], "scope": None, "wadah_id": str(new_id())},
        "account_wadah_unknown",
        "/wadah_id",
    ),
    (engineer(str(new_id())), "account_bank_partner_unknown", "/scope/code"),
    (engineer("bank-samudra"), "account_bank_partner_unknown", "/scope/code"),
    (engineer(PARTNER.upper()), "account_bank_partner_unknown", "/scope/code"),
]


@pytest.mark.parametrize(("change", "code", "pointer"), UNKNOWN)
async def test_a_scope_or_a_wadah_that_does_not_exist_is_refused(
    gateway: Any, change: dict[str, Any], code: str, pointer: str
) -> None:
    account = await gateway.staff()
    roles = {"roles": OFFICER["roles"], **change, **WHY}

    created = await create(gateway, **change)
    changed = await gateway.client.put(
        f"/v1/accounts/{account.id}/roles",
        json=roles,
        headers={**await gateway.signed_in(Role.ADMIN), "If-Match": "*"},
    )

    for answer in (created, changed):
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_wadah_that_exists_gets_an_administrator(gateway: Any) -> None:
    created = await create(gateway, roles=["wadah_admin"], scope=None, wadah_id=WADAH)

    assert (created.status_code, created.json()["wadah_id"]) == (201, WADAH)


async def test_a_bank_that_is_registered_gets_an_engineer(gateway: Any) -> None:
    created = await create(gateway, **engineer(PARTNER))

    assert created.status_code == 201
    assert created.json()["scope"] == {"kind": "bank_partner", "code": PARTNER, "region": None}


async def test_no_engineer_is_created_while_the_banks_cannot_be_asked_for(
    gateway: Any, network: Wire
) -> None:
    network.answer("payment", lambda _: httpx.Response(503, json={"code": "unavailable"}))

    refused = await create(gateway, **engineer(PARTNER))

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_an_engineer_has_the_own_account_and_no_one_else_s(gateway: Any) -> None:
    created = (await create(gateway, **engineer(PARTNER))).json()
    token = (
        await gateway.token(grant_type="password", username="banyuwangi.1", password=PASSWORD)
    ).json()["access_token"]

    own, others = [
        [await gateway.client.get(path, headers=bearer(token)) for path in paths]
        for paths in (
            ("/v1/me", "/v1/me/sessions", "/v1/me/notices"),
            ("/v1/accounts", f"/v1/accounts/{created['id']}", "/v1/signing-keys", "/v1/status"),
        )
    ]

    assert [each.status_code for each in own] == [200, 200, 200]
    assert own[0].json()["scope"] == {"kind": "bank_partner", "code": PARTNER, "region": None}
    assert [each.status_code for each in others] == [403, 403, 403, 403]


async def test_only_offices_of_the_country_see_the_account_of_an_engineer(gateway: Any) -> None:
    created = (await create(gateway, **engineer(PARTNER))).json()
    region = Scope(ScopeKind.REGION, "jatim")

    seen = [
        await gateway.client.get(
            f"/v1/accounts/{created['id']}",
            headers=await gateway.signed_in(Role.AUDITOR, scope=scope),
        )
        for scope in (COUNTRY, region)
    ]

    assert [each.status_code for each in seen] == [200, 404]


async def test_nothing_is_created_while_the_branches_cannot_be_asked_for(
    gateway: Any, network: Wire
) -> None:
    headers = {**await gateway.signed_in(Role.ADMIN), "Idempotency-Key": "key-of-mine"}
    first = await gateway.client.post("/v1/accounts", json=OFFICER, headers=headers)
    network.answer("agent", lambda _: httpx.Response(503, json={"code": "unavailable"}))

    refused = await create(gateway, username="banyuwangi.2")
    again = await gateway.client.post("/v1/accounts", json=OFFICER, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert (again.status_code, again.json()) == (201, first.json())
