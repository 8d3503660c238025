"""Pages of other origins: the sandbox is open to those of this machine, and a preflight to all."""

from typing import Any

import pytest

ASKED = "authorization, content-type, if-match, if-none-match, idempotency-key, traceparent"
READ = {
    *("ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy"),
    *("Idempotency-Replayed", "X-Request-Id"),
}
PAGE = "http://localhost:5173"


@pytest.mark.parametrize("origin", [PAGE, "http://127.0.0.1", "http://[::1]:80"])
async def test_a_sandbox_is_open_to_the_pages_of_this_machine(platform: Any, origin: str) -> None:
    preflight = await platform.client.options(
        "/v1/members",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": ASKED,
        },
    )
    refused = await platform.client.get("/v1/members", headers={"Origin": origin})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin
    assert set(refused.headers["access-control-expose-headers"].split(", ")) >= READ


@pytest.mark.parametrize(
    "origin",
    ["https://localhost.evil.test", "http://localhost.evil.test:80", "http://evil.test", "null"],
)
async def test_a_sandbox_is_not_open_to_other_pages(platform: Any, origin: str) -> None:
    answer = await platform.client.get("/v1/server-time", headers={"Origin": origin})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/members", "/v1/auth/token", "/v1/nothing", "/docs"])
async def test_a_preflight_is_answered_before_tokens_and_limits(
    make_platform: Any, path: str
) -> None:
    platform = await make_platform(rate_limits=dict.fromkeys(("public", "auth", "standard"), 1))
    asked = {"Access-Control-Request-Method": "POST"}

    answers = [
        await platform.client.options(path, headers={"Origin": origin, **asked})
        for origin in 3 * (PAGE, "https://evil.test")
    ]

    assert [each.status_code for each in answers] == 3 * [200, 403]
    assert answers[1].json()["code"] == "cross_origin_refused"


async def test_outside_a_sandbox_no_page_of_this_machine_is_let_in(real_gateway: Any) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}

    preflight = await real_gateway.client.options("/v1/me", headers=asked)
    answer = await real_gateway.client.get("/v1/server-time", headers=asked)

    assert (preflight.status_code, preflight.json()["code"]) == (403, "cross_origin_refused")
    assert "access-control-allow-origin" not in answer.headers


async def test_what_a_cache_keeps_says_that_it_varies_by_origin(platform: Any) -> None:
    answers = [
        await platform.client.get("/openapi.json", headers=headers)
        for headers in ({}, {"Origin": PAGE}, {"Origin": "http://evil.test"})
    ]

    assert ["Origin" in each.headers["vary"] for each in answers] == [True, True, True]
