"""Signing in over HTTP: grants, refusals, and what a token says."""

from typing import Any

import httpx
import pyotp
import pytest
from gateway_tests.gateways import DEVICE, PASSWORD, PHONE, claims
from sqlalchemy import update

from gateway.accounts.models import Account
from gateway.otp.models import OtpChallenge
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


def person(name: str = "S***") -> dict[str, str]:
    return {"member_id": str(new_id()), "display_name_masked": name}


async def test_an_unknown_number_gets_an_account_without_roles(gateway: Any) -> None:
    answer = await gateway.token(**await gateway.otp_grant())

    token = claims(answer)
    assert answer.status_code == 200
    assert token["roles"] == []
    assert token["amr"] == ["otp"]
    assert token["device_id"] == DEVICE
    assert token["aud"] == "perisai"
    assert token["exp"] - token["iat"] == 600
    assert answer.headers["cache-control"] == "no-store"


async def test_a_second_sign_in_of_a_number_is_the_same_account(gateway: Any) -> None:
    first = await gateway.otp_session()
    second = await gateway.otp_session("0812 3456 7890")

    assert second["account_id"] == first["account_id"]


async def test_a_members_number_gets_the_member_role(gateway: Any, members: Any) -> None:
    members[PHONE] = [person()]

    token = claims(await gateway.otp_session())

    assert token["roles"] == ["member"]
    assert token["member_id"] == members[PHONE][0]["member_id"]


async def test_several_people_of_one_number_are_listed_and_one_is_chosen(
    gateway: Any, members: Any
) -> None:
    members[PHONE] = [person("S***"), person("A*** B***")]
    grant = await gateway.otp_grant()

    listed = (await gateway.token(**grant)).json()
    chosen = listed["accounts"][1]
    answer = await gateway.token(**grant, account_id=chosen["account_id"])

    assert "access_token" not in listed
    assert [each["label"] for each in listed["accounts"]] == ["S***", "A*** B***"]
    assert answer.json()["account_id"] == chosen["account_id"]
    assert claims(answer)["member_id"] == members[PHONE][1]["member_id"]


async def test_an_account_that_was_not_offered_cannot_be_chosen(gateway: Any, members: Any) -> None:
    members[PHONE] = [person("S***"), person("A***")]
    grant = await gateway.otp_grant()

    answer = await gateway.token(**grant, account_id=str(new_id()))

    assert answer.status_code == 422
    assert answer.json()["code"] == "account_not_offered"


async def test_signing_in_works_while_member_service_is_away(gateway: Any, network: Any) -> None:
    network.answer("member", lambda request: httpx.Response(500))

    answer = await gateway.token(**await gateway.otp_grant())

    assert answer.status_code == 200


async def test_an_applicant_becomes_the_member_he_turns_out_to_be(
    gateway: Any, members: Any
) -> None:
    applicant = await gateway.otp_session()
    members[PHONE] = [person()]

    member = await gateway.otp_session()

    assert member["account_id"] == applicant["account_id"]
    assert claims(member)["roles"] == ["member"]


async def test_a_number_given_to_another_no_longer_leads_to_the_member(
    gateway: Any, members: Any
) -> None:
    members[PHONE] = [person()]
    before = await gateway.otp_session()
    members["+6285200000001"] = members.pop(PHONE)

    other = await gateway.otp_session()
    moved = await gateway.otp_session("+6285200000001")

    assert other["account_id"] != before["account_id"]
    assert claims(other)["roles"] == []
    assert moved["account_id"] == before["account_id"]


async def test_a_code_counts_once(gateway: Any) -> None:
    grant = await gateway.otp_grant()
    await gateway.token(**grant)

    again = await gateway.token(**grant)

    assert again.status_code == 401
    assert again.json()["code"] == "otp_invalid"


async def test_a_code_of_another_device_does_not_count(gateway: Any) -> None:
    grant = await gateway.otp_grant()

    answer = await gateway.token(**{**grant, "device_id": "phone-2"})

    assert answer.status_code == 401


async def test_a_code_ends_after_its_time(gateway: Any) -> None:
    grant = await gateway.otp_grant()
    async with gateway.parts.database.begin() as session:
        await session.execute(update(OtpChallenge).values(expires_at=clock.real_now()))

    answer = await gateway.token(**grant)

    assert answer.status_code == 401


async def test_the_right_code_comes_too_late_after_five_wrong_ones(gateway: Any) -> None:
    grant = await gateway.otp_grant()
    wrong = f"{(int(grant['code']) + 1) % 1_000_000:06d}"

    refusals = [await gateway.token(**{**grant, "code": wrong}) for _ in range(5)]
    answer = await gateway.token(**grant)

    assert {each.status_code for each in refusals} == {401}
    assert answer.status_code == 401


@pytest.mark.parametrize("grant", [{}, {"grant_type": "magic"}, {"grant_type": None}])
async def test_an_unknown_grant_gets_the_list_of_grants(
    gateway: Any, grant: dict[str, Any]
) -> None:
    answer = await gateway.token(**grant)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/grant_type",
            "code": "union_tag_invalid",
            "detail": "must be one of: otp, password, refresh_token, client_credentials",
        }
    ]


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"totp": "abc"}, "/totp"),
        ({"username": "with\0nul"}, "/username"),
        ({"username": None}, "/username"),
        ({"device_id": "not an id"}, "/device_id"),
        ({"password": ""}, "/password"),
    ],
)
async def test_a_wrong_field_beside_one_named_like_the_grant_is_pointed_to(
    gateway: Any, given: dict[str, Any], pointer: str, form: bool
) -> None:
    whole = {"grant_type": "password", "username": "officer1", "password": "x", **given}
    sent = {name: value for name, value in whole.items() if value is not None}

    answer = await gateway.client.post("/v1/auth/token", **{"data" if form else "json": sent})

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("password", [{"x": 1}, ["x"], {}, []])
async def test_a_wrong_field_is_pointed_to_though_the_one_named_like_the_grant_is_no_text(
    gateway: Any, password: Any
) -> None:
    answer = await gateway.token(
        grant_type="password", username="with\0nul", password=password, totp="abc"
    )

    pointers = {each["pointer"] for each in answer.json()["errors"]}
    assert pointers == {"/password", "/totp", "/username"}


async def test_each_wrong_field_of_a_grant_is_pointed_to(gateway: Any) -> None:
    answer = await gateway.token(
        grant_type="refresh_token", refresh_token="x", device_id="not an id", unknown="1"
    )

    assert {each["pointer"] for each in answer.json()["errors"]} >= {"/device_id", "/unknown"}


async def test_a_locked_account_cannot_sign_in_with_the_right_code(gateway: Any) -> None:
    await gateway.otp_session()
    async with gateway.parts.database.begin() as session:
        await session.execute(update(Account).values(locked_at=clock.real_now()))

    answer = await gateway.token(**await gateway.otp_grant())

    assert answer.status_code == 403
    assert answer.json()["code"] == "account_locked"


async def test_staff_sign_in_with_a_password(gateway: Any) -> None:
    account = await gateway.staff()

    answer = await gateway.token(grant_type="password", username="Officer", password=PASSWORD)

    token = claims(answer)
    assert token["sub"] == str(account.id)
    assert token["roles"] == ["admin"]
    assert token["scope"] == {"kind": "country", "code": None, "region": None}
    assert token["amr"] == ["pwd"]


@pytest.mark.parametrize("username", ["officer", "nobody"])
async def test_wrong_password_and_unknown_name_are_answered_the_same(
    gateway: Any, username: str
) -> None:
    await gateway.staff()

    answer = await gateway.token(grant_type="password", username=username, password="wrong")

    assert answer.status_code == 401
    assert answer.json()["code"] == "sign_in_refused"


async def test_a_password_is_tried_only_so_often(gateway: Any) -> None:
    await gateway.staff()
    grant = {"grant_type": "password", "username": "officer", "password": "wrong"}

    tries = [(await gateway.token(**grant)).status_code for _ in range(11)]
    answer = await gateway.token(**{**grant, "password": PASSWORD})

    assert tries == [401] * 10 + [429]
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


async def test_good_sign_ins_do_not_use_up_the_tries(gateway: Any) -> None:
    await gateway.staff()
    grant = {"grant_type": "password", "username": "officer", "password": PASSWORD}

    tries = [(await gateway.token(**grant)).status_code for _ in range(12)]

    assert tries == [200] * 12


async def test_an_authenticator_code_is_asked_for_and_counts_once(gateway: Any) -> None:
    account = await gateway.staff()
    secret = pyotp.random_base32()
    async with gateway.parts.database.begin() as session:
        stored = await session.get(Account, account.id)
        stored.totp_secret, stored.totp_confirmed_at = secret, clock.real_now()
    grant = {"grant_type": "password", "username": "officer", "password": PASSWORD}
    code = pyotp.TOTP(secret).now()

    without = await gateway.token(**grant)
    signed_in = await gateway.token(**grant, totp=code)
    again = await gateway.token(**grant, totp=code)

    assert without.json()["code"] == "totp_required"
    assert claims(signed_in)["amr"] == ["pwd", "mfa"]
    assert again.status_code == 401


async def test_a_service_gets_a_token_for_its_secret(gateway: Any) -> None:
    answer = await gateway.token(
        grant_type="client_credentials",
        client_id="payment-service",
        client_secret="secret-of-the-service",
    )

    token = claims(answer)
    assert token["roles"] == ["service"]
    assert token["client_id"] == "payment-service"
    assert answer.json()["refresh_token"] is None


@pytest.mark.parametrize(
    ("client_id", "secret"), [("payment-service", "wrong"), ("nobody", "secret-of-the-service")]
)
async def test_a_wrong_client_is_refused(gateway: Any, client_id: str, secret: str) -> None:
    answer = await gateway.token(
        grant_type="client_credentials", client_id=client_id, client_secret=secret
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "client_refused"
