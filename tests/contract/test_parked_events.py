"""An administrator reaches every service's parked events at the gateway."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from contract.conftest import ADDRESSES, MODULES
from fastapi import FastAPI
from stage.connections import connect

import gateway.app
from gateway.settings import Settings
from gateway.tokens import issue_access_token
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire, open_app_client
from perisai_kit.testing.server import serve

HANDLED = {
    "gateway": "member.updated.v1",
    "agent-service": "coverage.declined.v1",
    "member-service": "registration.ended.v1",
    "payment-service": "member.risk_flagged.v1",
}
"""By service: a type of event that its last subscription handles."""
positions = count(1)


@dataclass(frozen=True)
class PublicSide:
    """The gateway before services on real ports, none of which runs its worker itself."""

    app: FastAPI
    client: httpx.AsyncClient
    urls: dict[str, Urls]
    subscriptions: dict[str, str]

    async def signed_in(self, *roles: Role) -> dict[str, str]:
        parts = self.app.state.parts
        principal = Principal(account_id=new_id(), roles=frozenset(roles))
        token = await issue_access_token(
            parts.keys, parts.settings, principal, now=clock.real_now()
        )
        return {"Authorization": f"Bearer {token}"}

    async def park(self, service: str, kind: str, subject: str) -> str:
        """Leave an event behind as a worker does that could not apply it; return the row's id.

        There is nothing in it, so that it fails again where something handles it.
        """
        async with connect(self.urls[service].owner) as connection:
            parked = await connection.fetchval(
                "INSERT INTO parked_events (id, subscription, position, event_id, type, subject,"
                " data, occurred_at, error, attempts, parked_at)"
                " VALUES ($1, $2, $3, $1, $4, $5, '{}', now(), 'ValueError', 3, now())"
                " RETURNING id",
                *(new_id(), self.subscriptions[service], next(positions), kind, subject),
            )
        return str(parked)


@pytest.fixture(scope="module")
async def public_side(
    databases: Databases, tokens: Tokens, make_settings: Callable[..., Any]
) -> AsyncIterator[PublicSide]:
    wire = Wire(tokens)
    listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in MODULES}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    async with AsyncExitStack() as stack:
        for listener in listeners.values():
            stack.callback(listener.close)
        urls = {name: databases.clone(name) for name in ("gateway", *MODULES)}
        for each in urls.values():
            stack.push_async_callback(asyncio.to_thread, databases.drop, each)
        addresses = {f"{name}_url": f"http://127.0.0.1:{port}" for name, port in ports.items()}
        settings = make_settings(Settings, urls["gateway"], service_clients={}, **addresses)
        apps = {"gateway": gateway.app.create_app(settings, http_transport=wire)}
        # The services verify tokens with the keys of this very gateway.
        wire.mount("gateway", apps["gateway"])
        client = await stack.enter_async_context(open_app_client(apps["gateway"]))
        for name, module in MODULES.items():
            settings = make_settings(module.Settings, urls[name], **ADDRESSES)
            apps[name] = module.create_app(settings, http_transport=wire)
            await stack.enter_async_context(serve(apps[name], listener=listeners[name]))
        named = {name if name == "gateway" else f"{name}-service": name for name in apps}
        yield PublicSide(
            apps["gateway"],
            client,
            {service: urls[name] for service, name in named.items()},
            {
                service: apps[name].state.kit.subscriptions[-1].name
                for service, name in named.items()
            },
        )


@pytest.mark.parametrize("service", HANDLED)
async def test_parked_events_of_a_service_are_listed_and_dismissed_through_the_gateway(
    public_side: PublicSide, service: str
) -> None:
    path = f"/v1/operations/{service}/parked-events"
    admin = await public_side.signed_in(Role.ADMIN)
    first = await public_side.park(service, HANDLED[service], "one")
    second = await public_side.park(service, HANDLED[service], "one")

    listed = await public_side.client.get(path, headers=admin)
    replayed = await public_side.client.post(f"{path}/{first}/replay", headers=admin)
    dismissed = await public_side.client.post(
        f"{path}/{first}/dismissal", json={"reason": "not for us"}, headers=admin
    )
    left = await public_side.client.get(path, headers=admin)

    assert listed.status_code == 200, listed.text
    assert [row["id"] for row in listed.json()["items"]] == [first, second]
    assert (replayed.status_code, replayed.json()["code"]) == (409, "replay_failed")
    assert (dismissed.status_code, dismissed.json()) == (200, {"replayed": 0})
    assert [row["id"] for row in left.json()["items"]] == [second]


@pytest.mark.parametrize("service", HANDLED)
async def test_a_replay_works_where_the_worker_is_another_process(
    public_side: PublicSide, service: str
) -> None:
    """An event that nothing handles any more is passed over, and its subject is free."""
    path = f"/v1/operations/{service}/parked-events"
    admin = await public_side.signed_in(Role.ADMIN)
    parked = await public_side.park(service, "test.removed.v1", "two")

    replayed = await public_side.client.post(f"{path}/{parked}/replay", headers=admin)
    passed = await public_side.client.get(path, params={"status": "passed_over"}, headers=admin)

    assert replayed.status_code == 200, replayed.text
    assert [row["id"] for row in passed.json()["items"]] == [parked]


@pytest.mark.parametrize("service", HANDLED)
async def test_nobody_but_an_administrator_reaches_parked_events(
    public_side: PublicSide, service: str
) -> None:
    path = f"/v1/operations/{service}/parked-events"
    others = [each for each in Role if each is not Role.ADMIN]

    nobody = await public_side.client.get(path)
    statuses = {
        (await public_side.client.get(path, headers=await public_side.signed_in(role))).status_code
        for role in others
    }

    assert nobody.status_code == 401
    assert statuses == {403}
