"""Passwords and authenticator apps over HTTP."""

from typing import Any

import pyotp
import pytest

from perisai_kit import clock
from perisai_kit.auth import Role

PASSWORD = "correct horse battery"
OTHER = "another horse battery"


async def sign_in(gateway: Any, password: str = PASSWORD, **more: Any) -> Any:
    return await gateway.token(grant_type="password", username="officer", password=password, **more)


async def test_a_password_reset_ends_sessions_and_the_old_password(gateway: Any) -> None:
    account = await gateway.staff()
    session = (await sign_in(gateway)).json()

    reset = await gateway.client.post(
        f"/v1/accounts/{account.id}/password-reset",
        json={"password": OTHER},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert reset.status_code == 204
    assert (await gateway.refresh(session["refresh_token"], None)).status_code == 401
    assert (await sign_in(gateway)).status_code == 401
    assert (await sign_in(gateway, OTHER)).status_code == 200


async def test_a_person_has_no_password_to_reset(gateway: Any) -> None:
    session = await gateway.otp_session()

    reset = await gateway.client.post(
        f"/v1/accounts/{session['account_id']}/password-reset",
        json={"password": OTHER},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert reset.json()["code"] == "not_a_staff_account"


@pytest.mark.parametrize(
    ("current", "status", "now_right"), [(PASSWORD, 204, OTHER), ("wrong", 403, PASSWORD)]
)
async def test_staff_change_their_own_password(
    gateway: Any, current: str, status: int, now_right: str
) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    answer = await gateway.client.post(
        "/v1/me/password",
        json={"current_password": current, "new_password": OTHER},
        headers=headers,
    )

    assert answer.status_code == status
    assert (await sign_in(gateway, now_right)).status_code == 200


async def test_an_authenticator_app_counts_from_its_first_code_until_it_is_removed(
    gateway: Any,
) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    def post(path: str, body: dict[str, str] | None = None) -> Any:
        return gateway.client.post(f"/v1/me/totp{path}", json=body, headers=headers)

    secret = (await post("")).json()["secret"]
    not_yet = await sign_in(gateway)
    totp = pyotp.TOTP(secret)
    step = totp.timecode(clock.real_now())
    wrong = await post("/confirmation", {"code": totp.generate_otp(step + 5)})
    confirmed = await post("/confirmation", {"code": totp.generate_otp(step - 1)})
    asked = await sign_in(gateway)
    signed_in = await sign_in(gateway, totp=totp.generate_otp(step))
    removed = await post("/removal", {"code": totp.generate_otp(step + 1)})
    without = await sign_in(gateway)

    assert not_yet.status_code == 200
    assert wrong.json()["code"] == "totp_incorrect"
    assert confirmed.status_code == 204
    assert asked.json()["code"] == "totp_required"
    assert signed_in.status_code == 200
    assert removed.status_code == 204
    assert without.status_code == 200


async def test_an_administrator_removes_the_app_of_a_lost_telephone(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    secret = (await gateway.client.post("/v1/me/totp", headers=headers)).json()["secret"]
    await gateway.client.post(
        "/v1/me/totp/confirmation", json={"code": pyotp.TOTP(secret).now()}, headers=headers
    )

    await gateway.client.post(
        f"/v1/accounts/{account.id}/password-reset",
        json={"password": OTHER, "remove_totp": True},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert (await sign_in(gateway, OTHER)).status_code == 200


async def test_a_secret_in_use_is_not_replaced(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    unprepared = await gateway.client.post(
        "/v1/me/totp/confirmation", json={"code": "123456"}, headers=headers
    )
    secret = (await gateway.client.post("/v1/me/totp", headers=headers)).json()["secret"]
    await gateway.client.post(
        "/v1/me/totp/confirmation", json={"code": pyotp.TOTP(secret).now()}, headers=headers
    )

    again = await gateway.client.post("/v1/me/totp", headers=headers)

    assert unprepared.json()["code"] == "totp_not_prepared"
    assert again.json()["code"] == "totp_already_on"
