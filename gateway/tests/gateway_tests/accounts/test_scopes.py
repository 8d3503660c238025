"""Administrators cannot act outside of their scope or on their own account."""

import itertools
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from gateway_tests.gateways import COUNTRY, PASSWORD
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway.accounts import rules
from gateway.accounts.models import Account
from gateway.accounts.queries import list_accounts
from gateway.accounts.rules import AccountScope
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id

WHY = {"reason": "As the office asked."}
REGION = Scope(ScopeKind.REGION, "jatim")
BRANCH = Scope(ScopeKind.BRANCH, "banyuwangi", "jatim")
NEIGHBOUR = Scope(ScopeKind.BRANCH, "jember", "jatim")
FAR = Scope(ScopeKind.BRANCH, "makassar", "sulsel")
FAR_REGION = Scope(ScopeKind.REGION, "sulsel")
EVERY = (COUNTRY, REGION, BRANCH, NEIGHBOUR, FAR, FAR_REGION, None)
INSIDE = {
    (REGION, REGION),
    (REGION, BRANCH),
    (REGION, NEIGHBOUR),
    (BRANCH, BRANCH),
    (NEIGHBOUR, NEIGHBOUR),
    (FAR, FAR),
    (FAR_REGION, FAR),
    (FAR_REGION, FAR_REGION),
    *((COUNTRY, each) for each in EVERY),
}


def account_scope(scope: Scope | None) -> AccountScope:
    return AccountScope(scope.kind, scope.code, scope.region) if scope else AccountScope()


def body(scope: Scope | None) -> dict[str, Any] | None:
    return {"kind": scope.kind, "code": scope.code, "region": scope.region} if scope else None


def new_staff(role: str, scope: Scope | None) -> dict[str, Any]:
    return {
        "username": f"new.{new_id().hex[-8:]}",
        "password": PASSWORD,
        "display_label": "New",
        "roles": [role],
        "scope": body(scope),
        **WHY,
    }


async def change(gateway: Any, account_id: object, how: str, headers: dict[str, str]) -> Any:
    address = f"/v1/accounts/{account_id}/{how}"
    bodies: dict[str, dict[str, Any]] = {
        "password-reset": {"password": "another horse battery", "remove_totp": True},
        "phone": {"phone": "+6285200000001"},
        "email": {"email": "officer@example.org"},
        "roles": {"roles": ["branch_officer"], "scope": body(BRANCH)},
    }
    content = {**bodies.get(how, {}), **WHY}
    if how in {"roles", "phone", "email"}:
        sent = {**headers, "If-Match": "*"}
        return await gateway.client.put(address, json=content, headers=sent)
    return await gateway.client.post(address, json=content, headers=headers)


CHANGES = ("roles", "lock", "unlock", "password-reset", "phone", "email")


def test_every_change_of_an_account_is_tried_here(gateway: Any) -> None:
    prefix = "/v1/accounts/{account_id}/"
    changes = {
        str(context.path).removeprefix(prefix)
        for context in iter_route_contexts(gateway.app.routes)
        if isinstance(context.original_route, APIRoute) and str(context.path).startswith(prefix)
        if "GET" not in (context.original_route.methods or ())
    }

    assert changes == set(CHANGES)


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(EVERY, EVERY)))
def test_one_scope_lies_in_another(outer: Scope | None, inner: Scope | None) -> None:
    assert rules.is_within(account_scope(inner), account_scope(outer)) == ((outer, inner) in INSIDE)


async def test_the_list_holds_what_the_rule_says(gateway: Any) -> None:
    made = {}
    for number, scope in enumerate(EVERY):
        account = await gateway.staff(f"officer.{number}", role=Role.AUDITOR, scope=scope)
        made[account.id] = account_scope(scope)

    for outer in map(account_scope, EVERY):
        async with gateway.parts.database.read() as session:
            page = await list_accounts(
                session, scope=outer, kind=None, role=None, username=None, after=None, limit=50
            )

        assert {each.id for each in page} == {
            account_id for account_id, inner in made.items() if rules.is_within(inner, outer)
        }


@pytest.mark.parametrize("how", CHANGES)
async def test_an_administrator_of_a_branch_reaches_no_account_beyond_it(
    gateway: Any, how: str
) -> None:
    headers = await gateway.signed_in(Role.ADMIN, scope=BRANCH)
    others = [
        await gateway.staff("boss"),
        await gateway.staff("far", role=Role.BRANCH_OFFICER, scope=FAR),
        await gateway.staff("nowhere", role=Role.AUDITOR, scope=None),
    ]
    person = (await gateway.otp_session())["account_id"]

    for account_id in (*(each.id for each in others), person):
        answer = await change(gateway, account_id, how, headers)

        assert (answer.status_code, answer.json()["code"]) == (403, "account_out_of_scope")
        assert len(await gateway.history(account_id)) == (1 if account_id == person else 0)


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("admin", COUNTRY),
        ("finance_officer", FAR_REGION),
        ("auditor", REGION),
        ("branch_officer", FAR),
    ],
)
async def test_an_administrator_of_a_branch_gives_nothing_beyond_it(
    gateway: Any, role: str, scope: Scope | None
) -> None:
    own = await gateway.staff("near", role=Role.BRANCH_OFFICER, scope=BRANCH)
    headers = await gateway.signed_in(Role.ADMIN, scope=BRANCH)

    created = await gateway.client.post(
        "/v1/accounts",
        json=new_staff(role, scope),
        headers={**headers, "Idempotency-Key": f"key-{new_id()}"},
    )
    widened = await gateway.client.put(
        f"/v1/accounts/{own.id}/roles",
        json={"roles": [role], "scope": body(scope), **WHY},
        headers={**headers, "If-Match": "*"},
    )

    assert [each.json()["code"] for each in (created, widened)] == ["account_out_of_scope"] * 2
    assert await gateway.history(own.id) == []


@pytest.mark.parametrize("how", CHANGES)
async def test_nobody_administers_the_own_account(gateway: Any, how: str) -> None:
    await gateway.staff("second")
    boss = await gateway.staff("boss")
    headers = await gateway.signed_in(Role.ADMIN, account_id=boss.id, scope=COUNTRY)

    answer = await change(gateway, boss.id, how, headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_account")
    assert await gateway.history(boss.id) == []


@pytest.mark.parametrize("scope", [REGION, BRANCH, None])
async def test_nobody_becomes_an_administrator_of_less_than_the_country(
    gateway: Any, scope: Scope | None
) -> None:
    account = await gateway.staff("officer", role=Role.BRANCH_OFFICER, scope=BRANCH)

    answer = await gateway.client.put(
        f"/v1/accounts/{account.id}/roles",
        json={"roles": ["admin"], "scope": body(scope), **WHY},
        headers={**await gateway.signed_in(Role.ADMIN, scope=COUNTRY), "If-Match": "*"},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "admin_country_only")


async def test_the_database_too_knows_administrators_of_the_country_only(gateway: Any) -> None:
    account = await gateway.staff()

    for scope in ({"scope_kind": "region", "scope_code": "jatim"}, {"scope_kind": None}):
        with pytest.raises(IntegrityError, match="ck_accounts_admin"):
            async with gateway.parts.database.begin() as session:
                await session.execute(
                    update(Account).where(Account.id == account.id).values(**scope)
                )


async def test_an_auditor_reads_the_accounts_of_the_own_scope_and_no_others(gateway: Any) -> None:
    near = await gateway.staff("near", role=Role.BRANCH_OFFICER, scope=BRANCH)
    far = await gateway.staff("far", role=Role.BRANCH_OFFICER, scope=FAR)
    await gateway.otp_session()
    headers = await gateway.signed_in(Role.AUDITOR, scope=REGION)

    def get(path: str) -> Any:
        return gateway.client.get(f"/v1/accounts{path}", headers=headers)

    listed = (await get("")).json()["items"]
    found = await gateway.client.post(
        "/v1/account-lookups", json={"phone": "+6281234567890"}, headers=headers
    )
    own = [(await get(f"/{near.id}{end}")).status_code for end in ("", "/history")]
    foreign = [(await get(f"/{far.id}{end}")).status_code for end in ("", "/history")]

    assert [each["username"] for each in listed] == ["near"]
    assert found.json()["items"] == []
    assert own == [200, 200]
    assert foreign == [404, 404]
