"""The data path: one request to one upstream and its answer back, streamed both ways.

Nothing here repeats a request that may have been carried out and must not be twice: only a method
that is idempotent, without a body, on a connection that was kept and is gone before a byte of an
answer, and that once. Source: RFC 9110 9.2.2, RFC 9112 9.3.1; docs/adr/0013.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope, Send

from gateway.heads import CHUNKED, Caller, answer_headers, length_of, request_head
from gateway.request_body import ClientGone, RequestBody, stated_length
from gateway.settings import Settings
from gateway.upstream_http import (
    BrokenOff,
    EndedUnheard,
    Headers,
    Silent,
    Unreachable,
    UpstreamConnection,
    UpstreamError,
)
from gateway.upstream_pool import Origin, UpstreamPool
from perisai_kit.errors import DomainError, Unavailable
from perisai_kit.log import get_logger
from perisai_kit.problems import STATUS

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Source: RFC 9110 9.2.2."""

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


STATUS[UpstreamFailed] = 502
STATUS[UpstreamLate] = 504


class Forwarder:
    """Asks the upstreams of this process."""

    def __init__(self, settings: Settings) -> None:
        self._body_timeout_s = settings.body_timeout_s
        self._pool = UpstreamPool(
            most=settings.upstream_connections,
            connect_s=settings.connect_timeout_s,
            silence_s=settings.upstream_timeout_s,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    def origin(self, url: str) -> Origin:
        """Return where to ask, with connections of its own. Raises: ValueError."""
        return self._pool.origin(url)

    async def ask(
        self, scope: Scope, origin: Origin, caller: Caller, body: bytes | None
    ) -> UpstreamConnection:
        """Send a request and return its connection once the answer's head is there.

        Whoever asked gives it back. Raises: RequestUnreadable, UpstreamError.
        """
        method: str = scope["method"]
        request = request_head(scope, origin, caller, length_of(body, method)) + (body or b"")
        is_head = method == "HEAD"
        try:
            return await self._ask_once(origin, request, is_head=is_head)
        except EndedUnheard:
            if body is not None or method not in REPEATABLE:
                raise
        return await self._ask_once(origin, request, is_head=is_head, fresh=True)

    def give_back(self, origin: Origin, connection: UpstreamConnection) -> None:
        """End an exchange, at whatever point it is."""
        self._pool.give_back(origin, connection)

    async def stream(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        origin: Origin,
        caller: Caller,
        body_limit: int,
        more_headers: Headers,
    ) -> None:
        """Pass a request on and its answer back.

        Raises: TooLarge, BodyIncomplete, RequestUnreadable, UpstreamAway, UpstreamFailed,
        UpstreamLate, ClientGone; all of them before the answer has begun. An answer that breaks
        off later is cut, so that the client sees that it is not whole.
        """
        length = stated_length(scope)
        body = RequestBody(receive, limit=body_limit, timeout_s=self._body_timeout_s)
        data = await body.open(length)
        relay = _Relay(receive, send, more_headers)
        try:
            if data is None or isinstance(data, bytes):
                connection = await self.ask(scope, origin, caller, data)
                try:
                    await relay.run(connection)
                finally:
                    self.give_back(origin, connection)
            else:
                framing = CHUNKED if length is None else b"Content-Length: %d" % length
                head = request_head(scope, origin, caller, framing)
                await self._stream_body(origin, head, relay, body.on_the_wire(data, length))
        except UpstreamError as error:
            if not relay.started:
                raise body.failure or upstream_problem(error, caller.request_id) from None
            log.warning(
                "upstream.broke_off", request_id=caller.request_id, error=type(error).__name__
            )

    async def _ask_once(
        self, origin: Origin, request: bytes, *, is_head: bool, fresh: bool = False
    ) -> UpstreamConnection:
        connection = await self._pool.take(origin, fresh=fresh)
        try:
            connection.ask(request, is_head=is_head)
            await connection.head()
        except BaseException:
            self.give_back(origin, connection)
            raise
        return connection

    async def _stream_body(
        self, origin: Origin, head: bytes, relay: "_Relay", parts: AsyncIterator[bytes]
    ) -> None:
        connection = await self._pool.take(origin)
        try:
            connection.ask(head, is_head=head.startswith(b"HEAD "), whole=False)
            sending = asyncio.create_task(_send_body(connection, parts))
            try:
                # The upstream may answer, and may even be done, before it has the whole body.
                await connection.head()
                await relay.run(connection, after=sending)
            finally:
                sending.cancel()
                await asyncio.wait([sending])
        finally:
            self.give_back(origin, connection)


class _Relay:
    """Passes an answer on to the client, as fast as he takes it."""

    def __init__(self, receive: Receive, send: Send, more_headers: Headers) -> None:
        self._receive = receive
        self._send = send
        self._more_headers = more_headers
        self.started = False

    async def run(
        self, connection: UpstreamConnection, *, after: asyncio.Task[None] | None = None
    ) -> None:
        """after: what still receives the request's body. Raises: UpstreamError."""
        part = await connection.read()
        self.started = True
        headers = answer_headers(connection.status, connection.headers)
        headers += self._more_headers
        await self._send(
            {"type": "http.response.start", "status": connection.status, "headers": headers}
        )
        if connection.at_end:
            await self._send({"type": "http.response.body", "body": part})
            return
        gone = asyncio.create_task(self._close_when_gone(connection, after))
        try:
            while part:
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
                part = await connection.read()
            await self._send({"type": "http.response.body", "body": b""})
        except BrokenOff:
            if not gone.done():
                raise
        finally:
            gone.cancel()

    async def _close_when_gone(
        self, connection: UpstreamConnection, after: asyncio.Task[None] | None
    ) -> None:
        if after is not None:
            await asyncio.wait([after])
        while (await self._receive())["type"] != "http.disconnect":
            pass
        connection.close()


def upstream_problem(error: UpstreamError, request_id: str) -> DomainError:
    """Say what a failure means for whoever waits."""
    log.warning("upstream.failed", request_id=request_id, error=type(error).__name__)
    match error:
        case Unreachable():
            return UpstreamAway()
        case Silent():
            return UpstreamLate()
        case _:
            return UpstreamFailed()


async def _send_body(connection: UpstreamConnection, parts: AsyncIterator[bytes]) -> None:
    try:
        async for part in parts:
            await connection.send(part)
        connection.end()
    except (DomainError, ClientGone, UpstreamError):
        connection.close()  # the upstream must not take it for whole; the body keeps why
    except Exception:
        connection.close()
        raise
