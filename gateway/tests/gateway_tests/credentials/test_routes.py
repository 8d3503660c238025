"""Passwords and authenticator apps over HTTP."""

import asyncio
import json
from typing import Any

import pyotp
import pytest
from gateway_tests.gateways import PASSWORD

from gateway.accounts.service import get_locked
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

OTHER = "another horse battery"
WHY = {"reason": "A lost telephone."}
PROOF = {"current_password": PASSWORD}


async def sign_in(gateway: Any, password: str = PASSWORD, **more: Any) -> Any:
    return await gateway.token(grant_type="password", username="officer", password=password, **more)


async def set_up_app(gateway: Any, headers: dict[str, str]) -> None:
    prepared = await gateway.client.post("/v1/me/totp", json=PROOF, headers=headers)
    code = pyotp.TOTP(prepared.json()["secret"]).now()
    await gateway.client.post("/v1/me/totp/confirmation", json={"code": code}, headers=headers)


async def test_a_password_reset_ends_sessions_and_the_old_password(gateway: Any) -> None:
    account = await gateway.staff()
    session = (await sign_in(gateway)).json()

    reset = await gateway.client.post(
        f"/v1/accounts/{account.id}/password-reset",
        json={"password": OTHER, **WHY},
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
        json={"password": OTHER, **WHY},
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
    rows = await gateway.history(account.id)
    assert [each["change"] for each in rows] == (["password_changed"] if status == 204 else [])


async def test_an_authenticator_app_counts_from_its_first_code_until_it_is_removed(
    gateway: Any,
) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    def post(path: str, body: dict[str, str] | None = None) -> Any:
        return gateway.client.post(f"/v1/me/totp{path}", json=body, headers=headers)

    secret = (await post("", PROOF)).json()["secret"]
    not_yet = await sign_in(gateway)
    totp = pyotp.TOTP(secret)
    step = totp.timecode(clock.real_now())
    wrong = await post("/confirmation", {"code": totp.generate_otp(step + 5)})
    confirmed = await post("/confirmation", {"code": totp.generate_otp(step - 1)})
    asked = await sign_in(gateway)
    signed_in = await sign_in(gateway, totp=totp.generate_otp(step))
    removed = await post("/removal", {"code": totp.generate_otp(step + 1), **PROOF})
    without = await sign_in(gateway)

    assert not_yet.status_code == 200
    assert wrong.json()["code"] == "totp_incorrect"
    assert confirmed.status_code == 204
    assert asked.json()["code"] == "totp_required"
    assert signed_in.status_code == 200
    assert removed.status_code == 204
    assert (await gateway.refresh(signed_in.json()["refresh_token"], None)).status_code == 401
    assert without.status_code == 200
    changes = [(each["change"], each["source"]) for each in await gateway.history(account.id)]
    assert changes == [("totp_removed", "owner"), ("totp_set", "owner")]


@pytest.mark.race
@pytest.mark.parametrize("path", ["password", "totp/removal"])
async def test_a_sign_in_while_the_credential_changes_ends_with_the_others(
    gateway: Any, path: str
) -> None:
    secret = pyotp.random_base32()
    account = await gateway.staff(totp_secret=secret)
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    totp, step = pyotp.TOTP(secret), pyotp.TOTP(secret).timecode(clock.real_now())
    bodies = {
        "password": {**PROOF, "new_password": OTHER},
        "totp/removal": {**PROOF, "code": totp.generate_otp(step + 1)},
    }

    async with gateway.parts.database.begin() as session:
        await get_locked(session, account_id=account.id)
        changing = asyncio.create_task(
            gateway.client.post(f"/v1/me/{path}", json=bodies[path], headers=headers)
        )
        await gateway.waiters(1)
        signing_in = asyncio.create_task(sign_in(gateway, totp=totp.generate_otp(step)))
        await gateway.waiters(2)
    changed, signed_in = await changing, await signing_in

    assert (changed.status_code, signed_in.status_code) == (204, 200)
    assert (await gateway.refresh(signed_in.json()["refresh_token"], None)).status_code == 401


async def test_an_administrator_removes_the_app_of_a_lost_telephone(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    await set_up_app(gateway, headers)

    await gateway.client.post(
        f"/v1/accounts/{account.id}/password-reset",
        json={"password": OTHER, "remove_totp": True, **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert (await sign_in(gateway, OTHER)).status_code == 200
    changes = [each["change"] for each in await gateway.history(account.id)]
    assert changes == ["totp_reset", "password_reset", "totp_set"]


async def test_a_secret_in_use_is_not_replaced(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    unprepared = await gateway.client.post(
        "/v1/me/totp/confirmation", json={"code": "123456"}, headers=headers
    )
    await set_up_app(gateway, headers)

    again = await gateway.client.post("/v1/me/totp", json=PROOF, headers=headers)

    assert unprepared.json()["code"] == "totp_not_prepared"
    assert again.json()["code"] == "totp_already_on"


async def test_the_app_is_neither_set_up_nor_removed_without_the_password(gateway: Any) -> None:
    secret = pyotp.random_base32()
    fresh, owner = await gateway.staff("fresh"), await gateway.staff("owner", totp_secret=secret)
    thief = [await gateway.signed_in(Role.ADMIN, account_id=each.id) for each in (fresh, owner)]
    code, wrong = pyotp.TOTP(secret).now(), {"current_password": "a stolen token is no proof"}

    def post(path: str, body: dict[str, str], headers: dict[str, str]) -> Any:
        return gateway.client.post(f"/v1/me/totp{path}", json=body, headers=headers)

    without = [
        await post("", {}, thief[0]),
        await post("/removal", {"code": code}, thief[1]),
    ]
    refused = [
        await post("", wrong, thief[0]),
        await post("/removal", {"code": code, **wrong}, thief[1]),
    ]

    assert [each.status_code for each in without] == [422, 422]
    assert [each.json()["code"] for each in refused] == ["password_incorrect"] * 2


@pytest.mark.parametrize("path", ["password", "totp", "totp/confirmation", "totp/removal"])
async def test_wrong_passwords_and_codes_are_counted_and_logged(
    gateway: Any, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    if path == "totp/confirmation":
        await gateway.client.post("/v1/me/totp", json=PROOF, headers=headers)
    bodies = {
        "password": {"current_password": "wrong", "new_password": OTHER},
        "totp": {"current_password": "wrong"},
        "totp/confirmation": {"code": "000000"},
        "totp/removal": {"current_password": "wrong", "code": "000000"},
    }
    capfd.readouterr()

    answers = [
        await gateway.client.post(f"/v1/me/{path}", json=bodies[path], headers=headers)
        for _ in range(12)
    ]
    elsewhere = await gateway.client.post("/v1/me/totp", json=PROOF, headers=headers)

    assert [each.status_code for each in answers] == [403] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert elsewhere.status_code == 429  # one count for all of them
    logged = capfd.readouterr().err
    assert logged.count('"credential.failed"') == 13
    assert str(account.id) in logged
    assert "wrong" not in logged
    assert "officer" not in logged
    assert [each["change"] for each in await gateway.history(account.id)] == ["locked_out"]


async def test_right_passwords_use_up_no_tries(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    answers = [
        await gateway.client.post("/v1/me/totp", json=PROOF, headers=headers) for _ in range(12)
    ]

    assert {each.status_code for each in answers} == {200}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("password", {**PROOF, "new_password": "Perisai2026!"}, "password_too_common"),
        ("password", {**PROOF, "new_password": f"{OTHER} officer"}, "password_has_username"),
        ("totp", PROOF, "totp_already_on"),
        ("totp/removal", {**PROOF, "code": "000000"}, "totp_not_prepared"),
    ],
)
async def test_a_right_password_uses_up_no_try_where_the_request_is_refused(
    gateway: Any, path: str, body: dict[str, str], code: str
) -> None:
    secret = pyotp.random_base32() if code == "totp_already_on" else None
    account = await gateway.staff(totp_secret=secret)
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    answers = [
        await gateway.client.post(f"/v1/me/{path}", json=body, headers=headers) for _ in range(12)
    ]
    changed = await gateway.client.post(
        "/v1/me/password", json={**PROOF, "new_password": OTHER}, headers=headers
    )

    assert {each.json()["code"] for each in answers} == {code}
    assert changed.status_code == 204


@pytest.mark.parametrize("sign", ["\\ud800", "\\u0000"])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("me/password", {**PROOF, "new_password": "?"}, "new_password"),
        ("me/password", {"current_password": "?", "new_password": OTHER}, "current_password"),
        ("me/totp", {"current_password": "?"}, "current_password"),
        (
            "auth/token",
            {"grant_type": "client_credentials", "client_id": "x", "client_secret": "?"},
            "client_secret",
        ),
        (
            "auth/token",
            {
                "grant_type": "password",
                "username": "x",
                "password": "?",
                "device_id": str(new_id()),
            },
            "password",
        ),
    ],
)
async def test_a_secret_that_is_no_text_is_refused_by_name(
    gateway: Any, path: str, body: dict[str, str], field: str, sign: str
) -> None:
    headers = await gateway.signed_in(Role.ADMIN)
    content = json.dumps(body).replace('"?"', f'"twelve signs {sign}"')

    answer = await gateway.client.post(
        f"/v1/{path}", content=content, headers={**headers, "content-type": "application/json"}
    )

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"/{field}"]


async def test_a_password_that_is_changed_to_a_common_one_is_not_tried(gateway: Any) -> None:
    account = await gateway.staff()
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    body = {"current_password": "wrong", "new_password": "Perisai2026!"}

    answers = [
        await gateway.client.post("/v1/me/password", json=body, headers=headers) for _ in range(12)
    ]

    assert {each.json()["code"] for each in answers} == {"password_too_common"}


async def test_asking_for_the_authenticator_code_uses_up_no_try(gateway: Any) -> None:
    secret = pyotp.random_base32()
    await gateway.staff(totp_secret=secret)

    asked = [await sign_in(gateway) for _ in range(12)]
    signed_in = await sign_in(gateway, totp=pyotp.TOTP(secret).now())

    assert {each.json()["code"] for each in asked} == {"totp_required"}
    assert signed_in.status_code == 200


async def test_authenticator_codes_at_a_sign_in_are_counted_for_the_account(gateway: Any) -> None:
    secret = pyotp.random_base32()
    account = await gateway.staff(totp_secret=secret)
    wrong = f"{(int(pyotp.TOTP(secret).now()) + 1) % 1_000_000:06d}"

    def guess(number: int) -> Any:
        # Of many addresses, as behind a proxy: only the account's own count holds them together.
        return sign_in(gateway, totp=wrong, device_id=f"stolen-{number}")

    tries = [(await guess(number)).status_code for number in range(9)]
    headers = await gateway.signed_in(Role.ADMIN, account_id=account.id)
    body = {"code": "000000", **PROOF}
    removal = [
        (await gateway.client.post("/v1/me/totp/removal", json=body, headers=headers)).status_code
        for _ in range(2)
    ]

    assert set(tries) == {401}
    assert removal == [403, 429]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("password1234", "password_too_common"),
        ("Password12345", "password_too_common"),
        ("P@ssw0rd1234", "password_too_common"),
        ("qwertyuiop12", "password_too_common"),
        ("aaaaaaaaaaaaaa", "password_too_common"),
        ("Perisai2026!", "password_too_common"),
        ("rahasia12345", "password_too_common"),
        ("perisai-perisai", "password_too_common"),
        ("Bpjs#Perisai1", "password_too_common"),
        ("Jakarta-2026", "password_too_common"),
        ("Malang 2026!", "password_too_common"),
        ("Indonesia2026!", "password_too_common"),
        ("Ende, Bima dan Sandi", None),
        ("medan-839144720956!77#4", None),
        ("k3t3n4g4k3rj44n", "password_too_common"),
        ("Gedung Perisai retak", None),
        ("the OFFICER of this branch", "password_has_username"),
        ("4@8({[<369!|1750$7+%2" * 6, None),
    ],
)
async def test_a_password_that_is_easy_to_guess_is_refused_wherever_it_is_set(
    gateway: Any, password: str, code: str | None
) -> None:
    await gateway.staff("boss")
    account = await gateway.staff()
    own = await gateway.signed_in(Role.ADMIN, account_id=account.id)

    changed = await gateway.client.post(
        "/v1/me/password", json={**PROOF, "new_password": password}, headers=own
    )
    reset = await gateway.client.post(
        f"/v1/accounts/{account.id}/password-reset",
        json={"password": password, **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    if code is None:
        assert [changed.status_code, reset.status_code] == [204, 204]
        return
    assert [each.json()["code"] for each in (changed, reset)] == [code, code]
    assert changed.json()["errors"][0]["pointer"] == "/new_password"
    assert reset.json()["errors"][0]["pointer"] == "/password"
