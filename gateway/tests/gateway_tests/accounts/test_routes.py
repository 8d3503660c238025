"""Administering accounts over HTTP."""

import asyncio
from typing import Any

import pytest
from gateway_tests.conftest import WADAH
from gateway_tests.gateways import COUNTRY, OFFICER, PASSWORD
from sqlalchemy import select

from gateway.accounts.models import Account
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit

WHY = {"reason": "As the office asked."}


async def create(gateway: Any, **more: Any) -> Any:
    headers = {**await gateway.signed_in(Role.ADMIN), "Idempotency-Key": f"key-{new_id()}"}
    return await gateway.client.post("/v1/accounts", json={**OFFICER, **more}, headers=headers)


async def test_an_administrator_creates_staff_who_then_sign_in(gateway: Any) -> None:
    created = await create(gateway)

    signed_in = await gateway.token(
        grant_type="password", username="banyuwangi.1", password=PASSWORD
    )

    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/accounts/{created.json()['id']}"
    assert "password" not in created.text
    assert signed_in.status_code == 200


async def test_the_same_key_creates_one_account(gateway: Any) -> None:
    headers = {**await gateway.signed_in(Role.ADMIN), "Idempotency-Key": "key-of-mine"}

    first = await gateway.client.post("/v1/accounts", json=OFFICER, headers=headers)
    again = await gateway.client.post("/v1/accounts", json=OFFICER, headers=headers)

    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_username_is_taken_once(gateway: Any) -> None:
    await create(gateway)

    answer = await create(gateway)

    assert answer.status_code == 409
    assert answer.json()["code"] == "username_taken"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "short"}, "invalid"),
        ({"username": "has space"}, "invalid"),
        ({"roles": ["agent"]}, "roles_not_allowed"),
        ({"scope": None}, "scope_required"),
        ({"roles": ["finance_officer"], "scope": None}, "scope_required"),
        ({"roles": ["auditor"], "scope": None}, "scope_required"),
        ({"scope": {"kind": "branch", "code": "banyuwangi"}}, "scope_invalid"),
        ({"roles": ["admin"]}, "admin_country_only"),
        ({"roles": ["admin"], "scope": None}, "admin_country_only"),
        ({"roles": ["branch_officer", "wadah_admin"], "wadah_id": WADAH}, "roles_do_not_combine"),
        ({"roles": ["wadah_admin"], "wadah_id": WADAH}, "roles_do_not_combine"),
        ({"reason": None}, "invalid"),
        ({"reason": " "}, "invalid"),
        ({"password": "password1234"}, "password_too_common"),
        ({"password": "Surabaya2024!", "username": "siti"}, "password_too_common"),
        ({"password": "Banyuwangi123", "username": "siti"}, "password_too_common"),
        ({"password": "Banyuwangi.1-kapal"}, "password_has_username"),
        ({"is_admin": True}, "invalid"),
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    gateway: Any, change: dict[str, Any], code: str
) -> None:
    answer = await create(gateway, **change)

    assert answer.status_code == 422
    assert answer.json()["code"] == code


@pytest.mark.parametrize("role", [Role.BRANCH_OFFICER, Role.AGENT, Role.MEMBER, Role.SERVICE])
async def test_others_see_no_accounts(gateway: Any, role: Role) -> None:
    answer = await gateway.client.get("/v1/accounts", headers=await gateway.signed_in(role))

    assert answer.status_code == 403


async def test_an_auditor_reads_and_cannot_write(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.AUDITOR, scope=COUNTRY)

    read = await gateway.client.get(f"/v1/accounts/{account.id}", headers=headers)
    locked = await gateway.client.post(f"/v1/accounts/{account.id}/lock", json=WHY, headers=headers)

    assert read.status_code == 200
    assert locked.status_code == 403


async def test_the_list_pages_without_gap_or_repeat(gateway: Any) -> None:
    made = [str((await gateway.staff(f"officer.{number}")).id) for number in range(5)]
    headers = await gateway.signed_in(Role.ADMIN)

    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await gateway.client.get("/v1/accounts", headers=headers, params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen == list(reversed(made))
    assert cursor is None


@pytest.mark.parametrize("cursor", ["x", "eyJhIjoxfQ==", "WyJub3QtYS11dWlkIl0="])
async def test_a_foreign_cursor_is_refused(gateway: Any, cursor: str) -> None:
    answer = await gateway.client.get(
        "/v1/accounts", headers=await gateway.signed_in(Role.ADMIN), params={"cursor": cursor}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "cursor_invalid"


async def test_the_list_filters_by_role_kind_and_name(gateway: Any) -> None:
    await gateway.staff("boss")
    await gateway.staff("checker", role=Role.AUDITOR)
    await gateway.otp_session()
    headers = await gateway.signed_in(Role.ADMIN)

    def names(params: dict[str, str]) -> Any:
        return gateway.client.get("/v1/accounts", headers=headers, params=params)

    auditors = (await names({"role": "auditor"})).json()["items"]
    people = (await names({"kind": "person"})).json()["items"]
    boss = (await names({"username": "boss"})).json()["items"]

    assert [each["username"] for each in auditors] == ["checker"]
    assert [each["phone_masked"] for each in people] == ["*" * 11 + "890"]
    assert [each["username"] for each in boss] == ["boss"]


async def test_accounts_are_found_by_a_number_that_stands_in_no_address(gateway: Any) -> None:
    session = await gateway.otp_session()

    answer = await gateway.client.post(
        "/v1/account-lookups",
        json={"phone": "0812-3456-7890"},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert [each["id"] for each in answer.json()["items"]] == [session["account_id"]]


async def test_who_read_an_account_is_recorded(gateway: Any) -> None:
    account = await gateway.staff()
    reader = new_id()

    await gateway.client.get(
        f"/v1/accounts/{account.id}",
        headers=await gateway.signed_in(Role.AUDITOR, account_id=reader, scope=COUNTRY),
    )

    async with gateway.parts.database.read() as session:
        audit = (await session.scalars(select(ReadAudit))).one()
    assert (audit.account_id, audit.ids, audit.kind) == (
        reader,
        [account.id],
        "GET /v1/accounts/{account_id}",
    )


async def test_the_owner_of_an_account_and_an_auditor_in_scope_see_who_read_it(
    gateway: Any,
) -> None:
    account = await gateway.staff()
    owner = await gateway.signed_in(Role.ADMIN, account_id=account.id, scope=COUNTRY)
    admin = await gateway.signed_in(Role.ADMIN, scope=COUNTRY)
    auditor = await gateway.signed_in(Role.AUDITOR, scope=COUNTRY)
    in_a_branch = await gateway.signed_in(Role.AUDITOR, scope=Scope(ScopeKind.BRANCH, "BWI", "JTM"))

    for headers in (owner, admin):
        await gateway.client.get(f"/v1/accounts/{account.id}", headers=headers)

    own = await gateway.client.get("/v1/me/read-audits/gateway", headers=owner)
    query = f"/v1/read-audits/gateway?person_id={account.id}"
    found = await gateway.client.get(query, headers=auditor)
    outside = await gateway.client.get(query, headers=in_a_branch)
    (seen,) = own.json()["items"]
    assert (seen["operation"], seen["reader"]["roles"]) == (
        "GET /v1/accounts/{account_id}",
        ["admin"],
    )
    assert [each["id"] for each in found.json()["items"]] == [seen["id"]]
    assert (outside.status_code, outside.json()["code"]) == (404, "person_not_found")


async def test_roles_change_only_with_the_present_version(gateway: Any) -> None:
    await gateway.staff("boss")
    account = await gateway.staff("officer", role=Role.AUDITOR)
    headers = await gateway.signed_in(Role.ADMIN)
    address = f"/v1/accounts/{account.id}"
    etag = (await gateway.client.get(address, headers=headers)).headers["etag"]
    new = {"roles": ["finance_officer"], "scope": {"kind": "region", "code": "jatim"}, **WHY}

    def put(if_match: str | None) -> Any:
        more = {"If-Match": if_match} if if_match else {}
        return gateway.client.put(f"{address}/roles", json=new, headers={**headers, **more})

    without = await put(None)
    changed = await put(etag)
    stale = await put(etag)

    assert without.status_code == 428
    assert changed.json()["roles"] == ["finance_officer"]
    assert changed.headers["etag"] != etag
    assert stale.status_code == 412


async def test_an_etag_that_a_proxy_has_weakened_is_the_same_version(gateway: Any) -> None:
    await gateway.staff("boss")
    account = await gateway.staff("officer", role=Role.AUDITOR)
    headers = await gateway.signed_in(Role.ADMIN)
    address = f"/v1/accounts/{account.id}"
    etag = (await gateway.client.get(address, headers=headers)).headers["etag"]
    new = {
        "roles": ["finance_officer"],
        "scope": {"kind": "region", "code": "jatim"},
        "reason": "moved to the region",
    }

    changed = await gateway.client.put(
        f"{address}/roles", json=new, headers={**headers, "If-Match": f"W/{etag}"}
    )
    stale = await gateway.client.put(
        f"{address}/roles", json=new, headers={**headers, "If-Match": f"W/{etag}"}
    )

    assert (changed.status_code, stale.status_code) == (200, 412)


async def test_a_locked_account_is_signed_out_everywhere(gateway: Any) -> None:
    session = await gateway.otp_session()
    headers = await gateway.signed_in(Role.ADMIN)

    locked = await gateway.client.post(
        f"/v1/accounts/{session['account_id']}/lock", json=WHY, headers=headers
    )
    refused = await gateway.refresh(session["refresh_token"])
    await gateway.client.post(
        f"/v1/accounts/{session['account_id']}/unlock", json=WHY, headers=headers
    )
    still_over = await gateway.refresh(session["refresh_token"])
    anew = await gateway.token(**await gateway.otp_grant())

    assert locked.json()["locked_at"] is not None
    assert (refused.status_code, still_over.status_code) == (401, 401)
    assert anew.status_code == 200


async def test_the_last_administrator_stays(gateway: Any) -> None:
    boss = await gateway.staff("boss")
    headers = await gateway.signed_in(Role.ADMIN)  # one who is an administrator no more
    address = f"/v1/accounts/{boss.id}"
    auditor = {"roles": ["auditor"], "scope": {"kind": "country"}, **WHY}

    locked = await gateway.client.post(f"{address}/lock", json=WHY, headers=headers)
    demoted = await gateway.client.put(
        f"{address}/roles", json=auditor, headers={**headers, "If-Match": "*"}
    )

    assert locked.json()["code"] == "last_admin"
    assert demoted.json()["code"] == "last_admin"


async def test_one_of_two_administrators_may_go(gateway: Any) -> None:
    boss = await gateway.staff("boss")
    await gateway.staff("second")

    answer = await gateway.client.post(
        f"/v1/accounts/{boss.id}/lock",
        json=WHY,
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert answer.status_code == 200


@pytest.mark.race
async def test_two_administrators_who_lock_each_other_leave_one(gateway: Any) -> None:
    pair = [await gateway.staff("boss"), await gateway.staff("second")]
    headers = await gateway.signed_in(Role.ADMIN)

    answers = await asyncio.gather(
        *(
            gateway.client.post(f"/v1/accounts/{account.id}/lock", json=WHY, headers=headers)
            for account in pair
        )
    )

    assert sorted(each.status_code for each in answers) == [200, 409]


async def test_a_person_gets_another_number(gateway: Any) -> None:
    session = await gateway.otp_session()

    changed = await gateway.client.put(
        f"/v1/accounts/{session['account_id']}/phone",
        json={"phone": "085200000001", **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )
    moved = await gateway.otp_session("+6285200000001")

    assert changed.json()["phone_masked"].endswith("001")
    assert moved["account_id"] == session["account_id"]
    assert (await gateway.refresh(session["refresh_token"])).status_code == 401


async def test_a_number_with_an_account_of_its_own_is_not_given_away(gateway: Any) -> None:
    session = await gateway.otp_session()
    await gateway.otp_session("+6285200000001")

    answer = await gateway.client.put(
        f"/v1/accounts/{session['account_id']}/phone",
        json={"phone": "+6285200000001", **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert answer.json()["code"] == "phone_taken"


async def test_me_says_who_is_signed_in(gateway: Any) -> None:
    account = await gateway.staff()
    scope = Scope(ScopeKind.BRANCH, "banyuwangi", "jatim")

    staff = await gateway.client.get(
        "/v1/me",
        headers=await gateway.signed_in(Role.ADMIN, account_id=account.id, scope=scope),
    )
    nobody = await gateway.client.get("/v1/me")

    assert staff.json()["username"] == "officer"
    assert staff.json()["scope"] == {"kind": "branch", "code": "banyuwangi", "region": "jatim"}
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")


async def test_names_and_numbers_are_encrypted_in_the_database(gateway: Any) -> None:
    await gateway.otp_session()
    await gateway.staff()

    async with gateway.parts.database.read() as session:
        rows = (await session.execute(select(Account.__table__.c["id"]))).all()
        raw = (await session.connection()).exec_driver_sql
        stored = (await raw("SELECT phone, display_label FROM accounts")).all()

    assert len(rows) == 2
    assert not any(b"7890" in bytes(row.phone or b"") for row in stored)
    assert not any(b"officer" in bytes(row.display_label) for row in stored)
