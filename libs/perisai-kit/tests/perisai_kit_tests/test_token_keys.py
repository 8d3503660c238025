"""The keys that verify tokens: fetched again and again, and dropped when they are withdrawn."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from perisai_kit.auth.keys import KeysUnavailable, RemoteKeys
from perisai_kit.auth.principal import Principal, Role, build_claims
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.roles import require
from perisai_kit.auth.tokens import Authenticator, TokenInvalid
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.network import GATEWAY, ISSUER, Tokens, Wire
from perisai_kit.testing.plugin import open_app_client

SOMEBODY = Principal(account_id=new_id(), roles=frozenset({Role.AGENT}), agent_id=new_id())


@dataclass
class Published:
    """What the gateway publishes. A test changes it."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    is_away: bool = False
    body: bytes | None = None

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.is_away:
            raise httpx.ConnectError("nobody listens")
        if self.body is not None:
            return httpx.Response(200, content=self.body)
        return httpx.Response(200, json={"keys": self.keys})


def signer(kid: str) -> Tokens:
    tokens = Tokens()
    tokens.kid = kid
    return tokens


@pytest.fixture
def published(wire: Wire) -> Published:
    published = Published()
    wire.answer("gateway", published.answer)
    return published


@pytest.fixture
def keys(wire: Wire) -> RemoteKeys:
    return RemoteKeys(GATEWAY, wire)


@pytest.fixture
def authenticator(keys: RemoteKeys) -> Authenticator:
    return Authenticator(keys, issuer=ISSUER, revocations=Revocations())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


async def test_a_withdrawn_key_is_refused_also_for_a_token_that_was_seen_before(
    published: Published, wire: Wire
) -> None:
    one, two = signer("one"), signer("two")
    published.keys = [*one.jwks()["keys"], *two.jwks()["keys"]]
    keys = RemoteKeys(GATEWAY, wire, refresh_every_s=0.02)
    authenticator = Authenticator(keys, issuer=ISSUER, revocations=Revocations())
    leaked, good = one.sign(build_claims(SOMEBODY)), two.sign(build_claims(SOMEBODY))
    refreshing = asyncio.create_task(keys.keep_fresh())
    assert await authenticator.verify(leaked) == SOMEBODY
    published.keys = two.jwks()["keys"]

    async def is_refused() -> bool:
        try:
            await authenticator.verify(leaked)
        except TokenInvalid:
            return True
        return False

    await until(is_refused)
    after = await authenticator.verify(good)
    refreshing.cancel()

    assert after == SOMEBODY


@pytest.mark.parametrize("body", [None, b"", b"[]", b'{"keys": 1}', b'{"keys": []}', b"\xff"])
async def test_keys_stay_while_the_gateway_does_not_give_any(
    published: Published, keys: RemoteKeys, authenticator: Authenticator, body: bytes | None
) -> None:
    one = signer("one")
    published.keys = one.jwks()["keys"]
    await keys.fetch()
    published.is_away, published.body = body is None, body

    fetched = await keys.fetch()

    assert not fetched
    assert await authenticator.verify(one.sign(build_claims(SOMEBODY))) == SOMEBODY


async def test_without_any_key_nothing_is_said_about_the_token(
    published: Published, authenticator: Authenticator
) -> None:
    published.is_away = True

    with pytest.raises(KeysUnavailable) as refused:
        await authenticator.verify(signer("one").sign(build_claims(SOMEBODY)))

    assert refused.value.retry_after_s > 0


async def test_without_any_key_the_gateway_is_not_asked_for_each_request(
    published: Published, authenticator: Authenticator
) -> None:
    published.is_away = True

    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            await authenticator.verify(signer("one").sign(build_claims(SOMEBODY)))

    assert published.asked < 10


async def test_a_key_that_is_new_is_asked_for_although_the_set_has_just_been_fetched(
    published: Published, keys: RemoteKeys, authenticator: Authenticator
) -> None:
    one, two = signer("one"), signer("two")
    published.keys = one.jwks()["keys"]
    await keys.fetch()
    published.keys = two.jwks()["keys"]

    assert await authenticator.verify(two.sign(build_claims(SOMEBODY))) == SOMEBODY


async def test_made_up_kids_ask_the_gateway_at_most_once_a_minute(
    published: Published, authenticator: Authenticator
) -> None:
    one = signer("one")
    published.keys = one.jwks()["keys"]
    await authenticator.verify(one.sign(build_claims(SOMEBODY)))

    for number in range(5):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(signer(f"made-up-{number}").sign(build_claims(SOMEBODY)))

    assert published.asked == 1


async def test_a_service_without_keys_answers_503_and_says_when_to_come_back(
    published: Published, make_kit_app: Callable[..., FastAPI]
) -> None:
    published.is_away = True
    router = APIRouter()

    @router.get("/v1/secret")
    async def secret(_: Annotated[Principal, Depends(require())]) -> str:
        return "secret"

    async with open_app_client(make_kit_app(router)) as client:
        token = signer("one").sign(build_claims(SOMEBODY))
        answer = await client.get("/v1/secret", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 503
    assert answer.json()["code"] == "keys_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_two_authorization_headers_are_refused_by_a_service(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens
) -> None:
    router = APIRouter()

    @router.get("/v1/secret")
    async def secret(_: Annotated[Principal, Depends(require())]) -> str:
        return "secret"

    header = tokens.make(Role.ADMIN)["Authorization"]
    async with open_app_client(make_kit_app(router)) as client:
        answer = await client.get(
            "/v1/secret", headers=[("Authorization", header), ("Authorization", header)]
        )

    assert answer.status_code == 400
    assert answer.json()["code"] == "authorization_repeated"
