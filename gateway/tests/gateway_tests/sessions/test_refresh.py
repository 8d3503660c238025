"""Staying signed in, and signing out, over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from gateway_tests.gateways import DEVICE, PASSWORD, bearer, claims
from sqlalchemy import update

from gateway.accounts.models import Account
from gateway.sessions.models import SignInSession
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def test_a_refresh_token_is_exchanged_for_the_next(gateway: Any) -> None:
    session = await gateway.otp_session()

    answer = await gateway.refresh(session["refresh_token"])

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != session["refresh_token"]
    assert claims(answer)["sub"] == claims(session)["sub"]


async def test_a_lost_answer_is_given_again_with_the_same_successor(gateway: Any) -> None:
    session = await gateway.otp_session()
    first = await gateway.refresh(session["refresh_token"])

    again = await gateway.refresh(session["refresh_token"])
    onward = await gateway.refresh(again.json()["refresh_token"])

    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert onward.status_code == 200


async def test_an_older_token_ends_the_whole_session(gateway: Any) -> None:
    session = await gateway.otp_session()
    second = (await gateway.refresh(session["refresh_token"])).json()["refresh_token"]
    third = (await gateway.refresh(second)).json()["refresh_token"]

    reused = await gateway.refresh(session["refresh_token"])
    after = await gateway.refresh(third)

    assert reused.json()["code"] == "refresh_token_reused"
    assert after.json()["code"] == "refresh_token_invalid"


async def test_an_answer_lost_days_ago_is_given_again_with_the_same_successor(
    gateway: Any,
) -> None:
    session = await gateway.otp_session()
    first = await gateway.refresh(session["refresh_token"])
    await _age_rotation(gateway, timedelta(days=6, hours=23))

    again = await gateway.refresh(session["refresh_token"])
    onward = await gateway.refresh(again.json()["refresh_token"])

    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert onward.status_code == 200


async def test_an_old_token_ends_the_session_as_soon_as_its_successor_was_used(
    gateway: Any,
) -> None:
    session = await gateway.otp_session()
    successor = (await gateway.refresh(session["refresh_token"])).json()["refresh_token"]
    used = await gateway.refresh(successor)

    reused = await gateway.refresh(session["refresh_token"])
    after = await gateway.refresh(used.json()["refresh_token"])

    assert reused.json()["code"] == "refresh_token_reused"
    assert after.json()["code"] == "refresh_token_invalid"


async def test_the_previous_token_after_a_week_ends_the_session(gateway: Any) -> None:
    session = await gateway.otp_session()
    successor = (await gateway.refresh(session["refresh_token"])).json()["refresh_token"]
    await _age_rotation(gateway, timedelta(days=7, seconds=1))

    reused = await gateway.refresh(session["refresh_token"])
    after = await gateway.refresh(successor)

    assert reused.json()["code"] == "refresh_token_reused"
    assert after.status_code == 401


async def test_the_previous_token_from_another_device_ends_the_session(gateway: Any) -> None:
    session = await gateway.otp_session()
    successor = (await gateway.refresh(session["refresh_token"])).json()["refresh_token"]

    reused = await gateway.refresh(session["refresh_token"], device_id="phone-2")
    after = await gateway.refresh(successor)

    assert reused.json()["code"] == "refresh_token_reused"
    assert after.status_code == 401


async def test_a_device_session_asks_for_its_device(gateway: Any) -> None:
    session = await gateway.otp_session()

    without = await gateway.refresh(session["refresh_token"], device_id=None)
    with_it = await gateway.refresh(session["refresh_token"])

    assert without.json()["code"] == "refresh_token_invalid"
    assert with_it.status_code == 200


async def test_a_made_up_token_of_a_real_session_changes_nothing(gateway: Any) -> None:
    session = await gateway.otp_session()
    real = session["refresh_token"]
    made_up = real[:40] + ("A" if real[40] != "A" else "B") + real[41:]

    refused = await gateway.refresh(made_up)
    after = await gateway.refresh(real)

    assert refused.json()["code"] == "refresh_token_invalid"
    assert after.status_code == 200


async def test_a_device_session_lasts_sixty_days_and_one_without_device_a_working_day(
    gateway: Any,
) -> None:
    await gateway.staff()
    now = clock.real_now()

    bound = await gateway.otp_session()
    unbound = (
        await gateway.token(grant_type="password", username="officer", password=PASSWORD)
    ).json()

    bound_for = datetime.fromisoformat(bound["refresh_expires_at"]) - now
    unbound_for = datetime.fromisoformat(unbound["refresh_expires_at"]) - now
    assert round(bound_for.total_seconds() / 86_400) == 60
    assert round(unbound_for.total_seconds() / 3600) == 12


async def test_roles_are_read_again_at_each_refresh(gateway: Any, members: Any) -> None:
    session = await gateway.otp_session()
    async with gateway.parts.database.begin() as db:
        await db.execute(update(Account).values(roles=["agent"], agent_id=new_id()))

    token = claims(await gateway.refresh(session["refresh_token"]))

    assert token["roles"] == ["agent"]


async def test_a_revoked_session_is_over(gateway: Any) -> None:
    session = await gateway.otp_session()

    revoked = await gateway.client.post(
        "/v1/auth/revocation", json={"refresh_token": session["refresh_token"]}
    )
    unknown = await gateway.client.post("/v1/auth/revocation", json={"refresh_token": "x"})
    after = await gateway.refresh(session["refresh_token"])

    assert (revoked.status_code, unknown.status_code) == (204, 204)
    assert after.status_code == 401


async def test_a_session_can_be_ended_from_another_device(gateway: Any) -> None:
    lost = await gateway.otp_session()
    kept = (await gateway.token(**await gateway.otp_grant(device_id="phone-2"))).json()
    headers = bearer(kept["access_token"])

    listed = (await gateway.client.get("/v1/me/sessions", headers=headers)).json()["items"]
    lost_id = next(each["id"] for each in listed if each["device_id"] == DEVICE)
    ended = await gateway.client.post(f"/v1/me/sessions/{lost_id}/revocation", headers=headers)

    assert len(listed) == 2
    assert ended.status_code == 204
    assert (await gateway.refresh(lost["refresh_token"])).status_code == 401
    assert (await gateway.refresh(kept["refresh_token"], "phone-2")).status_code == 200


async def test_a_session_of_somebody_else_is_not_found(gateway: Any) -> None:
    await gateway.otp_session()
    mine = await gateway.otp_session()
    headers = bearer(mine["access_token"])
    session_id = (await gateway.client.get("/v1/me/sessions", headers=headers)).json()["items"][0][
        "id"
    ]

    answer = await gateway.client.post(
        f"/v1/me/sessions/{session_id}/revocation", headers=await gateway.signed_in(Role.ADMIN)
    )

    assert answer.status_code == 404


async def test_no_refresh_token_stands_in_the_database(gateway: Any) -> None:
    session = await gateway.otp_session()
    successor = (await gateway.refresh(session["refresh_token"])).json()["refresh_token"]

    async with gateway.parts.database.read() as db:
        row = (await db.execute(SignInSession.__table__.select())).one()

    stored = b"".join(value for value in row if isinstance(value, bytes))
    assert successor.encode() not in stored
    assert len(row.token_hash) == 32


async def _age_rotation(gateway: Any, age: timedelta) -> None:
    async with gateway.parts.database.begin() as db:
        await db.execute(update(SignInSession).values(rotated_at=clock.real_now() - age))
