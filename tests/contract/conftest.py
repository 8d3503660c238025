"""The three services in one process, talking to each other over the wire."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from contract.mutations import Operation, operations
from fastapi import FastAPI
from stage.fixtures import documents_of_services

import agent_service.app
import member_service.app
import payment_service.app
from gateway.edge.routes import Routes, Upstream
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire, open_app_client
from sandbox.services import ROOT

MODULES: dict[str, Any] = {
    "agent": agent_service.app,
    "member": member_service.app,
    "payment": payment_service.app,
}
ADDRESSES = {f"{name}_url": f"http://{name}" for name in MODULES}


def is_of_gateway(name: str) -> bool:
    """Return whether an operation is the gateway's own, or a bank's, which has its own tests."""
    row = Routes().find(name.partition(" ")[2])
    return row is None or row.upstream is Upstream.GATEWAY


LISTED = [
    line.partition(" | ")[0]
    for line in (ROOT / "docs/api.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
OPERATIONS = [name for name in LISTED if not is_of_gateway(name)]
"""What the services offer, such as `GET /v1/agents`: read, so that collecting builds no app."""
Documented = Mapping[str, Operation]


@dataclass(frozen=True)
class Platform:
    """The services by name: their apps, clients and databases."""

    apps: dict[str, FastAPI]
    clients: dict[str, httpx.AsyncClient]
    urls: dict[str, Urls]


@pytest.fixture(scope="session")
def documented() -> Documented:
    """Return what the services' documents say of their operations, by name."""
    found = {
        str(operation): operation
        for service, document in documents_of_services().items()
        for operation in operations(service, document)
    }
    assert set(found) == set(OPERATIONS), "docs/api.txt is old: run `make docs`"
    return found


@pytest.fixture(scope="module")
async def platform(
    databases: Databases, tokens: Tokens, make_settings: Callable[..., Any]
) -> AsyncIterator[Platform]:
    """The services on databases of their own."""
    wire = Wire(tokens)
    whole = Platform({}, {}, {})
    async with AsyncExitStack() as stack:
        for name, module in MODULES.items():
            urls = whole.urls[name] = databases.clone(name)
            # Not on this loop's thread: every connection takes part in a DROP DATABASE, also one
            # that another app is opening meanwhile.
            stack.push_async_callback(asyncio.to_thread, databases.drop, urls)
            settings = make_settings(module.Settings, urls, **ADDRESSES)
            app = whole.apps[name] = module.create_app(settings, http_transport=wire)
            wire.mount(name, app)
            whole.clients[name] = await stack.enter_async_context(open_app_client(app))
        yield whole
