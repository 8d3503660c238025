"""Outside a sandbox power over money or accounts needs an authenticator app."""

from typing import Any

import pyotp
import pytest
from gateway_tests.conftest import PARTNER
from gateway_tests.gateways import COUNTRY, PASSWORD, bearer, claims, read_claims
from sqlalchemy import update

from gateway.accounts.models import Account
from gateway.credentials.rules import needs_second_factor
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain import clock

GRANT = {"grant_type": "password", "username": "officer", "password": PASSWORD}
ENGINEER = Scope(ScopeKind.BANK_PARTNER, PARTNER)
NEEDING_IT = [
    (Role.ADMIN, COUNTRY),
    (Role.FINANCE_OFFICER, COUNTRY),
    (Role.BANK_ENGINEER, ENGINEER),
]


@pytest.mark.parametrize(("role", "scope"), NEEDING_IT)
async def test_without_the_app_a_password_gives_nothing_but_setting_it_up(
    real_gateway: Any, role: Role, scope: Scope
) -> None:
    gateway, client = real_gateway, real_gateway.client
    await gateway.staff(role=role, scope=scope)

    refused = await gateway.token(**GRANT)
    assert (refused.status_code, refused.json()["code"]) == (403, "totp_enrolment_required")
    enrolment = bearer(refused.json()["details"]["enrolment_token"])
    me = await client.get("/v1/me", headers=enrolment)
    others = [
        await client.get("/v1/accounts", headers=enrolment),
        await client.get("/v1/signing-keys", headers=enrolment),
        await client.get("/v1/bank-partners", headers=enrolment),
        await client.get("/v1/branches", headers=enrolment),
        await client.post(
            "/v1/me/password",
            json={"current_password": PASSWORD, "new_password": "another horse battery"},
            headers=enrolment,
        ),
    ]
    prepared = await client.post(
        "/v1/me/totp", json={"current_password": PASSWORD}, headers=enrolment
    )
    totp = pyotp.TOTP(prepared.json()["secret"])
    step = totp.timecode(clock.real_now())
    confirmed = await client.post(
        "/v1/me/totp/confirmation", json={"code": totp.generate_otp(step - 1)}, headers=enrolment
    )
    signed_in = await gateway.token(**GRANT, totp=totp.generate_otp(step))

    assert me.json()["roles"] == []
    assert [each.status_code for each in others] == [403] * 5
    assert confirmed.status_code == 204
    said = claims(signed_in)
    assert (said["roles"], said["amr"]) == ([role], ["pwd", "mfa"])


async def test_the_token_for_setting_the_app_up_says_nothing_of_roles_or_scope(
    real_gateway: Any,
) -> None:
    account = await real_gateway.staff()

    refused = await real_gateway.token(**GRANT)

    token = refused.json()["details"]["enrolment_token"]
    said = read_claims(token)
    assert set(said) == {"sub", "roles", "amr", "iss", "aud", "iat", "exp", "jti"}
    assert (said["sub"], said["roles"]) == (str(account.id), [])
    assert said["amr"] == ["pwd", "totp_enrolment"]
    assert "refresh_token" not in refused.text


async def test_a_wrong_password_leads_to_no_enrolment(real_gateway: Any) -> None:
    await real_gateway.staff()

    refused = await real_gateway.token(**{**GRANT, "password": "wrong"})

    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_refused")


@pytest.mark.parametrize("role", [Role.BRANCH_OFFICER, Role.AUDITOR, Role.WADAH_ADMIN])
async def test_others_sign_in_with_a_password_alone(real_gateway: Any, role: Role) -> None:
    await real_gateway.staff(role=role)

    answer = await real_gateway.token(**GRANT)

    assert answer.status_code == 200


@pytest.mark.parametrize(("role", "scope"), NEEDING_IT)
async def test_a_session_of_before_does_not_gain_the_power_of_a_new_role(
    real_gateway: Any, role: Role, scope: Scope
) -> None:
    account = await real_gateway.staff(role=Role.AUDITOR)
    session = (await real_gateway.token(**GRANT)).json()
    async with real_gateway.parts.database.begin() as db:
        promoted = (
            update(Account)
            .where(Account.id == account.id)
            .values(roles=[role], scope_kind=scope.kind, scope_code=scope.code)
        )
        await db.execute(promoted)

    answer = await real_gateway.refresh(session["refresh_token"], None)

    assert answer.status_code == 401


@pytest.mark.parametrize("role", [role for role, _ in NEEDING_IT])
def test_in_a_sandbox_a_password_is_enough(role: Role) -> None:
    assert not needs_second_factor([role], ["pwd"], sandbox=True)
    assert needs_second_factor([role], ["pwd"], sandbox=False)
    assert not needs_second_factor([role], ["pwd", "mfa"], sandbox=False)
