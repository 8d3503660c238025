"""What every service has, here too."""

from datetime import UTC, datetime
from typing import Any

from gateway_tests.gateways import bearer


async def test_the_gateway_is_ready_with_database_migrations_and_keys(gateway: Any) -> None:
    await gateway.parts.keys.jwks()

    ready = await gateway.client.get("/ready")

    assert (ready.status_code, ready.json()) == (200, {"ready": True})


async def test_health_and_status_answer(gateway: Any) -> None:
    health = await gateway.client.get("/health")
    nobody = await gateway.client.get("/v1/status")
    status = await gateway.client.get("/v1/status", headers=await gateway.signed_in())

    assert (health.status_code, nobody.status_code, status.status_code) == (200, 401, 200)


async def test_a_token_lives_by_the_real_clock(gateway: Any, business_time: Any) -> None:
    session = await gateway.otp_session()
    business_time.at(datetime(2036, 1, 1, tzinfo=UTC))

    answer = await gateway.client.get("/v1/me", headers=bearer(session["access_token"]))
    refreshed = await gateway.refresh(session["refresh_token"])

    assert answer.status_code == 200
    assert refreshed.status_code == 200
