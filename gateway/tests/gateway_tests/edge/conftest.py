"""A whole gateway on a real port, before upstreams that do as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import Gateway
from gateway_tests.listening import listen

from gateway.app import create_app
from gateway.edge.limits import RateClass
from gateway.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.runtime.tls import get_ssl_context
from perisai_kit.testing.plugin import Urls
from perisai_kit.testing.server import HOST

SHORT_S = 2.0
"""For every time-out: what never answers is given up soon."""


@dataclass
class Upstream:
    """A server that records the bytes it gets and sends the bytes of a script."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    answer: bytes | None = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    """None: never."""
    close: bool = False
    broke_off: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has gone before it had the whole answer."""

    @property
    def heads(self) -> list[str]:
        return [request.split(b"\r\n\r\n")[0].decode() for request in self.requests]

    @property
    def head(self) -> str:
        return self.heads[-1]

    @property
    def target(self) -> str:
        return self.head.split(" ")[1]

    @property
    def body(self) -> bytes:
        return self.requests[-1].split(b"\r\n\r\n", 1)[1]

    def header(self, name: str) -> str | None:
        for line in self.head.splitlines()[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                if self.answer is None:
                    await asyncio.sleep(60)
                head, _, _ = (self.answer or b"").partition(b"\r\n\r\n")
                is_head = request.startswith(b"HEAD ")
                writer.write(head + b"\r\n\r\n" if is_head else self.answer or b"")
                await writer.drain()
                if self.close:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.broke_off.set()
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return head + await _read_chunks(reader)
    length = 0
    for line in lowered.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int(await reader.readline(), 16):
        whole += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return whole


@dataclass(kw_only=True)
class Platform(Gateway):
    """The gateway under test and the upstreams behind it."""

    url: str
    agents: Upstream
    members: Upstream
    payments: Upstream

    async def auth_line(self) -> bytes:
        """Return the header line of an agent who is signed in."""
        headers = await self.signed_in(Role.AGENT)
        return f"authorization: {headers['Authorization']}\r\n".encode()

    async def raw(self, request: bytes) -> bytes:
        """Send these very bytes and return all that comes until the connection closes."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


MakePlatform = Callable[..., Awaitable[Platform]]


@pytest.fixture
async def make_platform(
    gateway_settings: Callable[..., Settings], urls: Urls, serving: Any
) -> AsyncIterator[MakePlatform]:
    """Start a platform with other settings: `await make_platform(cors_origins=(…,))`."""
    async with AsyncExitStack() as stack:

        async def make(**more: Any) -> Platform:
            return await _start(stack, partial(gateway_settings, urls), serving, **more)

        yield make


async def _start(
    stack: AsyncExitStack, settings: Callable[..., Settings], serving: Any, **more: Any
) -> Platform:
    agents, members, payments = [await _start_upstream(stack) for _ in range(3)]
    values: dict[str, Any] = {
        "agent_url": agents.url,
        "member_url": members.url,
        "payment_url": payments.url,
        "connect_timeout_s": SHORT_S,
        "upstream_timeout_s": SHORT_S,
        "upstream_wait_s": SHORT_S,
        "snap_timeout_s": SHORT_S,
        **more,
    }
    app = create_app(settings(**values))
    url = await stack.enter_async_context(serving(app))
    client = await stack.enter_async_context(
        httpx.AsyncClient(base_url=url, verify=get_ssl_context(), trust_env=False, timeout=30)
    )
    return Platform(
        app=app, url=url, client=client, agents=agents, members=members, payments=payments
    )


async def _start_upstream(stack: AsyncExitStack) -> Upstream:
    upstream = Upstream()
    port = await stack.enter_async_context(listen(upstream.handle))
    upstream.url = f"http://{HOST}:{port}"
    return upstream


@pytest.fixture(scope="module")
async def lasting_platform(
    gateway_settings: Callable[..., Settings], shared_urls: Urls, serving: Any
) -> AsyncIterator[Platform]:
    """A platform for all tests of a file that ask and change nothing."""
    boundless = dict.fromkeys(RateClass, 1_000_000)
    async with AsyncExitStack() as stack:
        settings = partial(gateway_settings, shared_urls)
        yield await _start(stack, settings, serving, rate_limits=boundless)


@pytest.fixture
async def platform(make_platform: MakePlatform) -> Platform:
    return await make_platform()
