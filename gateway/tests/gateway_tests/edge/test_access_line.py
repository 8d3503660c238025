"""A request at the edge leaves exactly one line, whichever layer answers it."""

import asyncio
import json
from typing import Any

import pytest

from perisai_kit.auth.principal import Role

KEYS = {
    "method", "route", "status", "duration_ms", "event", "service", "request_id", "level",
    "timestamp",
}  # fmt: skip
ID, LAST = "request-of-mine", "request-behind-it"
PAYMENT = "/snap/v1.0/transfer-va/payment"
CORS = {"Origin": "https://app.perisai.test", "Access-Control-Request-Method": "POST"}


@pytest.fixture
async def platform(make_platform: Any) -> Any:
    return await make_platform(cors_origins=("https://app.perisai.test",))


async def lines_of(platform: Any, capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the access lines of the request `ID`, once one asked after it has left its own."""
    await platform.client.get("/v1/server-time", headers={"X-Request-Id": LAST})
    written = ""
    async with asyncio.timeout(10):
        while True:
            written += capfd.readouterr().err
            if LAST in written:
                break
            await asyncio.sleep(0.01)
    lines = [json.loads(line) for line in written.splitlines()]
    return [line for line in lines if line["event"] == "http.answered" and line["request_id"] == ID]


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/v1/server-time", "/v1/server-time", 200),
        ("POST", "/v1/auth/token", "/v1/auth/token", 422),
        ("GET", "/v1/members/1", "/v1/members/*", 401),
        ("GET", "/v1/nowhere/1", "unmatched", 404),
        ("POST", PAYMENT, PAYMENT, 200),
        ("POST", "/snap/v1.0/nowhere", "snap-unknown", 404),
    ],
)
async def test_what_anybody_asks_leaves_one_line(
    platform: Any,
    capfd: pytest.CaptureFixture[str],
    *,
    method: str,
    path: str,
    route: str,
    status: int,
) -> None:
    capfd.readouterr()

    answer = await platform.client.request(
        method, path, headers={"X-Request-Id": ID}, json={} if method == "POST" else None
    )

    (line,) = await lines_of(platform, capfd)
    assert set(line) == KEYS
    assert (line["method"], line["route"], line["status"]) == (method, route, status)
    assert answer.status_code == status
    assert answer.headers.get_list("x-request-id") == [ID]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/v1/members/1", "/v1/members/*", 200),
        ("/v1/me", "/v1/me", 200),
        ("/v1/signing-keys", "/v1/signing-keys/*", 403),
    ],
)
async def test_the_line_of_a_signed_in_account_names_it(
    platform: Any, capfd: pytest.CaptureFixture[str], *, path: str, route: str, status: int
) -> None:
    token = await platform.signed_in(Role.AGENT)
    capfd.readouterr()

    answer = await platform.client.get(path, headers={"X-Request-Id": ID, **token})

    (line,) = await lines_of(platform, capfd)
    assert answer.status_code == status
    assert (line["route"], line["status"]) == (route, status)
    assert ("account_id" in line) is (status != 403)
    assert set(line) - {"account_id"} == KEYS


async def test_a_preflight_leaves_one_line(
    platform: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()

    await platform.client.options("/v1/members", headers={"X-Request-Id": ID, **CORS})

    (line,) = await lines_of(platform, capfd)
    assert (line["method"], line["status"]) == ("OPTIONS", 200)
