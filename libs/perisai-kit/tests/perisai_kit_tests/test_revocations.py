"""A service refuses tokens that the gateway says count no more."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.revocations import SETTLED_AFTER_S, Revocations
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens, Wire, open_app_client


def secret_router() -> APIRouter:
    router = APIRouter()

    @router.get("/v1/secret")
    async def secret(_: Annotated[Principal, Depends(require())]) -> str:
        return "secret"

    return router


async def test_a_service_follows_the_gateways_list_by_itself(
    make_kit_app: Callable[..., FastAPI], tokens: Tokens, wire: Wire
) -> None:
    session_id, asked_as = new_id(), []

    def gateway(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/jwks.json":
            return httpx.Response(200, json=tokens.jwks())
        if request.url.path == "/v1/revocations":
            asked_as.append(request.headers["Authorization"])
            now = clock.real_now().isoformat()
            ended: list[dict[str, Any]] = [{"session_id": str(session_id), "ended_at": now}]
            return httpx.Response(
                200, json={"as_of": now, "kept_for_s": 660, "accounts": [], "sessions": ended}
            )
        own = tokens.service("perisai-kit")["Authorization"].removeprefix("Bearer ")
        return httpx.Response(200, json={"access_token": own, "expires_in": 600})

    wire.answer("gateway", gateway)
    ended = tokens.make(Role.AGENT, session_id=session_id)
    other = tokens.make(Role.AGENT, session_id=new_id())

    async with open_app_client(make_kit_app(secret_router())) as client:
        for _ in range(500):
            if (await client.get("/v1/secret", headers=ended)).status_code == 401:
                break
            await asyncio.sleep(0.01)
        refused = await client.get("/v1/secret", headers=ended)
        living = await client.get("/v1/secret", headers=other)

    assert refused.json()["code"] == "token_invalid"
    assert living.status_code == 200
    assert all(header.startswith("Bearer ") for header in asked_as)


def test_revocations_are_forgotten_when_their_tokens_have_ended() -> None:
    revocations, at = Revocations(), datetime.fromisoformat("2026-11-01T00:00:00+00:00")
    account_id, session_id = new_id(), new_id()
    revocations.add(accounts=[(account_id, at)], sessions=[(session_id, at)])

    def revoked(issued_at: float) -> tuple[bool, bool]:
        return (
            revocations.is_revoked(account_id=account_id, session_id=None, issued_at=issued_at),
            revocations.is_revoked(account_id=new_id(), session_id=session_id, issued_at=issued_at),
        )

    assert revoked(at.timestamp() + SETTLED_AFTER_S - 1) == (True, True)
    assert revoked(at.timestamp() + SETTLED_AFTER_S) == (False, True)
    revocations.forget(before=at + timedelta(seconds=1))
    assert revoked(at.timestamp()) == (False, False)
