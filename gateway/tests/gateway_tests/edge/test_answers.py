"""What every answer says, and what none does."""

from typing import Any

import pytest

from gateway.edge.routes import OPEN, TABLE
from gateway.reference.rules import FILES
from perisai_kit.auth.principal import Role
from perisai_kit.testing.plugin import Urls


@pytest.fixture
def platform(lasting_platform: Any, urls: Urls) -> Any:
    """One platform for these many tests, with upstreams that say OK."""
    for each in (lasting_platform.agents, lasting_platform.members, lasting_platform.payments):
        each.answer = type(each).answer
    return lasting_platform


PATHS = [row.prefix for row in (*TABLE, *OPEN)]
BANKS = "/snap/v1.0/transfer-va/payment"


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/v1/nothing", BANKS, "/snap/nothing"])
async def test_every_answer_is_of_its_type_over_tls_and_kept_by_nobody(
    platform: Any, path: str
) -> None:
    headers = await platform.signed_in(Role.ADMIN)

    for answer in (
        await platform.client.get(path),
        await platform.client.post(path, json={}, headers=headers),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["cache-control"] in {
            "no-store",
            "no-cache",
            "public, max-age=20",
        }
        assert "server" not in answer.headers


PUBLIC_DATA = {"/openapi.json", "/.well-known/jwks.json", *FILES}


@pytest.mark.parametrize("path", [path for path in PATHS if path not in PUBLIC_DATA])
async def test_nothing_personal_is_kept(platform: Any, path: str) -> None:
    answer = await platform.client.get(path, headers=await platform.signed_in(Role.ADMIN))

    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
async def test_a_slash_at_the_end_redirects_nowhere(platform: Any, path: str) -> None:
    platform.members.answer = platform.agents.answer = platform.payments.answer = (
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
    )

    answer = await platform.client.get(f"{path}/", headers=await platform.signed_in(Role.ADMIN))

    assert answer.status_code in {401, 403, 404, 405}
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/server-time", "/v1/me", "/openapi.json", "/docs", "/health"])
async def test_head_is_get_without_the_body(platform: Any, path: str) -> None:
    headers = await platform.signed_in(Role.AGENT)

    whole = await platform.client.get(path, headers=headers)
    head = await platform.client.head(path, headers=headers)

    assert (whole.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
