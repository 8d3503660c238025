"""Accounts get only branches, regions and wadahs that agent-service knows."""

from typing import Any

import httpx
import pytest
from gateway_tests.accounts.test_routes import WHY, create
from gateway_tests.conftest import WADAH
from gateway_tests.gateways import OFFICER

from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Wire


def branch(code: str, region: str) -> dict[str, Any]:
    return {"scope": {"kind": "branch", "code": code, "region": region}}


UNKNOWN = [
    (branch("NOPE", "jatim"), "scope_branch_unknown", "/scope/code"),
    (branch("banyuwangi", "sulsel"), "scope_region_differs", "/scope/region"),
    ({"scope": {"kind": "region", "code": "NOPE"}}, "scope_region_unknown", "/scope/code"),
    (
        {"roles": ["wadah_admin"], "scope": None, "wadah_id": str(new_id())},
        "account_wadah_unknown",
        "/wadah_id",
    ),
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
