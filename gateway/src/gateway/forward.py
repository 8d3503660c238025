"""The data path: one request to one upstream and its answer back, streamed both ways.

aiohttp's client is used as it is, without a layer above it: measured as a proxy it carries about
twice what httpx over aiohttp does and eighteen times httpx's own transport. Nothing here repeats
a POST: aiohttp itself repeats idempotent methods once, on a connection that was kept and is gone.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDict
from starlette.types import Receive, Scope, Send
from yarl import URL

from gateway.settings import Settings
from perisai_kit.errors import BadRequest, DomainError, TooLarge, Unavailable
from perisai_kit.log import get_logger
from perisai_kit.problems import STATUS

KEPT_CONNECTION_S = 3
"""Below the 5 s after which uvicorn closes an idle connection, so that we never write to one."""
COLLECTED_BYTES = 64 * 1024
"""Bodies up to this length are received whole first: a slow sender holds no upstream."""
Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Source: RFC 9110 7.6.1."""
OURS = frozenset(
    {b"host", b"expect", b"forwarded", b"via", b"x-request-id", b"x-real-ip", b"true-client-ip"}
)
"""What we say ourselves, or nobody may say from outside."""
IDENTITY_PREFIXES = (
    b"x-forwarded-",
    b"x-account-",
    b"x-agent-",
    b"x-member-",
    b"x-wadah-",
    b"x-user",
    b"x-role",
    b"x-scope",
    b"x-principal",
    b"x-auth",
    b"x-perisai-",
    b"x-original-",
)
DROPPED_ANSWERS = HOP_BY_HOP | {b"date", b"server", b"x-request-id"}
"""Our own server sets Date and Server; the request id is ours."""

log = get_logger()


class UpstreamAway(Unavailable):
    """Nothing was sent."""

    code = "upstream_unavailable"
    text = "The service is not reachable; nothing was sent to it. Try again later."
    text_id = "Layanan tidak dapat dihubungi; permintaan belum terkirim. Coba lagi nanti."


class UpstreamFailed(Unavailable):
    """It may or may not have been carried out."""

    code = "upstream_failed"
    text = "The service broke off; whether it did what you asked is not known."
    text_id = "Layanan terputus; belum diketahui apakah permintaan sudah dijalankan."


class UpstreamLate(Unavailable):
    """It may or may not have been carried out."""

    code = "upstream_timeout"
    text = "The service did not answer in time; whether it did what you asked is not known."
    text_id = "Layanan tidak menjawab pada waktunya; belum diketahui apakah permintaan dijalankan."


class BodyIncomplete(BadRequest):
    code = "body_incomplete"
    text = "The request body did not arrive in time."
    text_id = "Isi permintaan tidak diterima lengkap pada waktunya."


class RequestUnreadable(BadRequest):
    code = "request_unreadable"
    text = "The address or a header holds what cannot be passed on."
    text_id = "Alamat atau header memuat isi yang tidak dapat diteruskan."


STATUS[UpstreamFailed] = 502
STATUS[UpstreamLate] = 504


class ClientGone(Exception):
    """The client closed its connection; nobody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What we tell an upstream about who asks."""

    address: str
    scheme: str
    request_id: str


class RequestBody:
    """The body as it arrives, counted. `failure` says why it ended early."""

    def __init__(self, receive: Receive, *, limit: int, timeout_s: float) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout_s = timeout_s
        self._seen = 0
        self.failure: DomainError | ClientGone | None = None

    async def open(self, length: int | None) -> bytes | AsyncIterator[bytes] | None:
        """Return the whole body where it is short, else its parts as they come.

        length: what Content-Length says; None where the body has no stated length.
        Raises: TooLarge, BodyIncomplete, ClientGone.
        """
        if length == 0:
            return None
        if length is not None and length > self._limit:
            raise TooLarge
        first, more = await self._next()
        if not more:
            return first
        if length is not None and length <= COLLECTED_BYTES:
            return b"".join([part async for part in self._parts(first)])
        return self._parts(first)

    async def read(self, length: int | None) -> bytes:
        """Return the whole body. Raises: TooLarge, BodyIncomplete, ClientGone."""
        opened = await self.open(length)
        if opened is None or isinstance(opened, bytes):
            return opened or b""
        return b"".join([part async for part in opened])

    async def _parts(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        more = True
        while more:
            part, more = await self._next()
            if part:
                yield part

    async def _next(self) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise self._fail(BodyIncomplete()) from None
        if message["type"] == "http.disconnect":
            raise self._fail(ClientGone())
        part: bytes = message.get("body", b"")
        self._seen += len(part)
        if self._seen > self._limit:
            raise self._fail(TooLarge())
        return part, message.get("more_body", False)

    def _fail(self, failure: DomainError | ClientGone) -> DomainError | ClientGone:
        self.failure = failure
        return failure


class Forwarder:
    """The connections to the upstreams of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            connect=settings.upstream_timeout_s,
            sock_connect=settings.connect_timeout_s,
            sock_read=settings.upstream_timeout_s,
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def request(self, scope: Scope, origin: str, caller: Caller, data: Any) -> Any:
        """Begin the request to an upstream; a context manager that gives aiohttp's answer.

        The target is passed as it came, byte for byte. Raises: RequestUnreadable.
        """
        return self._open().request(
            scope["method"],
            _target(scope, origin),
            headers=request_headers(scope, caller),
            data=data,
            allow_redirects=False,
            timeout=self._timeout,
        )

    async def stream(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        origin: str,
        caller: Caller,
        body_limit: int,
        more_headers: Headers,
    ) -> None:
        """Pass a request on and its answer back.

        Raises: TooLarge, BodyIncomplete, RequestUnreadable, UpstreamAway, UpstreamFailed,
        UpstreamLate, ClientGone; all of them before the answer has begun. An answer that breaks
        off later is cut, so that the client sees that it is not whole.
        """
        body = RequestBody(receive, limit=body_limit, timeout_s=self._settings.body_timeout_s)
        data = await body.open(stated_length(scope))
        started = False
        try:
            async with self.request(scope, origin, caller, data) as answer:
                part = await answer.content.readany()
                started = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": answer.status,
                        "headers": answer_headers(answer) + more_headers,
                    }
                )
                await _relay(answer.content, part, receive, send)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not started:
                raise body.failure or upstream_problem(error, caller.request_id) from None
            log.warning(
                "upstream.broke_off", request_id=caller.request_id, error=type(error).__name__
            )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._settings.upstream_connections,
                    keepalive_timeout=KEPT_CONNECTION_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


def stated_length(scope: Scope) -> int | None:
    """Return the length of the body as the headers state it; None for chunks.

    Raises: RequestUnreadable.
    """
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not value.isdigit():
                raise RequestUnreadable
            length = int(value)
    return length


def request_headers(scope: Scope, caller: Caller) -> CIMultiDict[str]:
    """Return what the upstream is told: the client's own headers, and who he is by our word.

    Raises: RequestUnreadable.
    """
    headers: CIMultiDict[str] = CIMultiDict()
    host = ""
    named = _named_by_connection(scope["headers"])
    try:
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode()
            if name in HOP_BY_HOP or name in OURS or name in named:
                continue
            if name.startswith(IDENTITY_PREFIXES):
                continue
            headers.add(name.decode(), value.decode())
    except UnicodeDecodeError:
        raise RequestUnreadable from None
    headers["X-Forwarded-For"] = caller.address
    headers["X-Forwarded-Proto"] = caller.scheme
    headers["X-Forwarded-Host"] = host
    headers["X-Request-Id"] = caller.request_id
    return headers


def answer_headers(answer: aiohttp.ClientResponse) -> Headers:
    """Return the upstream's headers without what belongs to its own connection."""
    raw = [(name.lower(), value) for name, value in answer.raw_headers]
    named = _named_by_connection(raw)
    return [
        (name, value) for name, value in raw if name not in DROPPED_ANSWERS and name not in named
    ]


def upstream_problem(error: Exception, request_id: str) -> DomainError:
    """Say what a failure means for whoever waits."""
    log.warning("upstream.failed", request_id=request_id, error=type(error).__name__)
    match error:
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError():
            return UpstreamAway()
        case TimeoutError():
            return UpstreamLate()
        case aiohttp.InvalidURL():
            return RequestUnreadable()
        case _:
            return UpstreamFailed()


def _target(scope: Scope, origin: str) -> URL:
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target = target + b"?" + scope["query_string"]
    try:
        return URL(origin + target.decode("ascii"), encoded=True)
    except ValueError:
        raise RequestUnreadable from None


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    for name, value in headers:
        if name == b"connection":
            return frozenset(token.strip().lower() for token in value.split(b","))
    return frozenset()


async def _relay(content: aiohttp.StreamReader, part: bytes, receive: Receive, send: Send) -> None:
    if content.at_eof():
        await send({"type": "http.response.body", "body": part})
        return
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        while part and not gone.done():
            await send({"type": "http.response.body", "body": part, "more_body": True})
            part = await content.readany()
        if not part:
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
