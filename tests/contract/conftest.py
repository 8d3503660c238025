"""The three services in one process, talking to each other over the wire."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import agent_service.app
import member_service.app
import payment_service.app
from perisai_kit.testing.plugin import Databases, Tokens, Urls, Wire, open_app_client

MODULES: dict[str, Any] = {
    "agent": agent_service.app,
    "member": member_service.app,
    "payment": payment_service.app,
}
ADDRESSES = {f"{name}_url": f"http://{name}" for name in MODULES}


@dataclass(frozen=True)
class Platform:
    """The services by name: their apps, clients and databases."""

    apps: dict[str, FastAPI]
    clients: dict[str, httpx.AsyncClient]
    urls: dict[str, Urls]


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
            stack.callback(databases.drop, urls)
            settings = make_settings(module.Settings, urls, **ADDRESSES)
            app = whole.apps[name] = module.create_app(settings, http_transport=wire)
            wire.mount(name, app)
            whole.clients[name] = await stack.enter_async_context(open_app_client(app))
        yield whole
