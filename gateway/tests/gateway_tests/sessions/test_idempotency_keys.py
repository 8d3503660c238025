"""Signing in and out with an Idempotency-Key: it works, and no token is ever kept."""

from typing import Any

from sqlalchemy import func, select

from perisai_kit.http.transaction import IdempotencyRecord

KEY = {"Idempotency-Key": "key-00000001"}


async def test_sign_out_works_with_a_key(gateway: Any) -> None:
    session = await gateway.otp_session()
    body = {"refresh_token": session["refresh_token"]}

    first = await gateway.client.post("/v1/auth/revocation", json=body, headers=KEY)
    again = await gateway.client.post("/v1/auth/revocation", json=body, headers=KEY)

    assert (first.status_code, again.status_code) == (204, 204)
    assert (await gateway.refresh(session["refresh_token"])).status_code == 401


async def test_sign_in_works_with_a_key_and_leaves_no_token_behind(gateway: Any) -> None:
    phone, device = "+6281234567890", "phone-1"
    sent = await gateway.client.post(
        "/v1/auth/otp", json={"phone": phone, "device_id": device}, headers=KEY
    )
    outbox = await gateway.client.post("/v1/sandbox/otp-outbox", json={"phone": phone}, headers=KEY)
    grant = {
        "grant_type": "otp",
        "phone": phone,
        "device_id": device,
        "code": outbox.json()["codes"][0]["code"],
    }
    signed_in = await gateway.client.post("/v1/auth/token", json=grant, headers=KEY)
    refresh = {
        "grant_type": "refresh_token",
        "refresh_token": signed_in.json()["refresh_token"],
        "device_id": device,
    }
    refreshed = await gateway.client.post("/v1/auth/token", json=refresh, headers=KEY)

    assert [each.status_code for each in (sent, outbox, signed_in, refreshed)] == [
        202,
        200,
        200,
        200,
    ]
    async with gateway.parts.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(IdempotencyRecord)) == 0
