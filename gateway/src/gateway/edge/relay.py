"""Sends one request to one upstream and streams its answer.

A request is repeated once, and only if its method is idempotent, it has no body, and a reused
connection ended before a byte of the answer. Source: RFC 9110 9.2.2, RFC 9112 9.3.1; docs/adr/0013.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType

from starlette.types import Scope

from gateway.edge.body import ClientDisconnected
from gateway.edge.connection import (
    PoolBusy,
    ReadTimeout,
    StaleConnection,
    Unreachable,
    UpstreamConnection,
    UpstreamError,
)
from gateway.edge.exchange import Exchange
from gateway.edge.headers import (
    Client,
    build_content_length,
    build_request_head,
    filter_answer_headers,
)
from gateway.edge.pool import PoolLimits, UpstreamPool
from gateway.edge.routes import Row, Upstream
from gateway.settings import Settings
from perisai_kit.domain.errors import DomainError, Unavailable
from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.problems import STATUS
from perisai_kit.http.protocol import GONE, ON_LOST
from perisai_kit.runtime.log import get_logger

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Source: RFC 9110 9.2.2."""
PACE = ConnectionLimits().body_bytes_a_second
"""The rate at which a client must read a long answer, as for sending a long body."""

log = get_logger()


class UpstreamAway(Unavailable):
    """Nothing was sent."""

    code = "upstream_unavailable"
    text = "The service cannot be reached and has not received your request. Try again later."
    text_id = "Layanan tidak dapat dihubungi dan belum menerima permintaan Anda. Coba lagi nanti."


class UpstreamBusy(Unavailable):
    """Nothing was sent."""

    code = "upstream_busy"
    text = "The service is busy and has not received your request. Try again in a moment."
    text_id = "Layanan sedang sibuk dan belum menerima permintaan Anda. Coba sebentar lagi."


class UpstreamFailed(Unavailable):
    """The request may have been carried out."""

    code = "upstream_failed"
    text = (
        "The connection to the service broke. Your request may have been carried out: check "
        "the result before you repeat it."
    )
    text_id = (
        "Koneksi ke layanan terputus. Permintaan Anda mungkin sudah dijalankan: periksa "
        "hasilnya sebelum mengulang."
    )


class UpstreamLate(Unavailable):
    """The request may have been carried out."""

    code = "upstream_timeout"
    text = (
        "The service did not answer in time. Your request may have been carried out: check "
        "the result before you repeat it."
    )
    text_id = (
        "Layanan tidak menjawab tepat waktu. Permintaan Anda mungkin sudah dijalankan: "
        "periksa hasilnya sebelum mengulang."
    )


STATUS[UpstreamFailed] = 502
STATUS[UpstreamLate] = 504


class Relay:
    """Relays requests to the services, with one pool for each."""

    def __init__(self, settings: Settings) -> None:
        """Make the pools. Raises: ValueError for an invalid address of an upstream."""
        self._timeout_s = settings.upstream_timeout_s
        limits = make_pool_limits(settings, settings.upstream_connections)
        self._pools: Mapping[Upstream, UpstreamPool] = {
            upstream: UpstreamPool(upstream, urls, limits)
            for upstream, urls in (
                (Upstream.AGENT, settings.agent_url),
                (Upstream.MEMBER, settings.member_url),
                (Upstream.PAYMENT, settings.payment_url),
            )
        }

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            await pool.close()

    async def forward(
        self,
        exchange: Exchange,
        scope: Scope,
        row: Row,
        client: Client,
        body: bytes,
    ) -> None:
        """Send the request to the row's upstream and stream the answer; abort it if it breaks off.

        Raises: DomainError while no answer has begun, ClientDisconnected.
        """
        pool = self._pools[row.upstream]
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        try:
            with CancelOnDisconnect(scope):
                connection = await send_request(pool, scope, client, body, deadline=deadline)
                try:
                    await self._stream_answer(connection, exchange)
                finally:
                    pool.release(connection)
        except UpstreamError as error:
            if not exchange.has_begun:
                raise to_problem(error, exchange.request_id) from None
            log.warning(
                "upstream.interrupted", request_id=exchange.request_id, error=type(error).__name__
            )
            exchange.cut()

    async def _stream_answer(self, connection: UpstreamConnection, exchange: Exchange) -> None:
        part = await connection.read_body()
        status = connection.status
        headers = filter_answer_headers(status, connection.headers)
        await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
        if connection.is_complete:
            await exchange.send({"type": "http.response.body", "body": part})
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self._timeout_s
        while part:
            await exchange.send({"type": "http.response.body", "body": part, "more_body": True})
            due += len(part) / PACE
            if loop.time() > due:
                log.warning("client.stalled", request_id=exchange.request_id)
                exchange.cut()
                return
            part = await connection.read_body()
        await exchange.send({"type": "http.response.body", "body": b""})


def make_pool_limits(settings: Settings, connections: int) -> PoolLimits:
    """Return the limits of a pool of so many connections."""
    return PoolLimits(
        max_connections=connections,
        max_waiting=settings.upstream_waiting,
        wait_s=settings.upstream_wait_s,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.upstream_timeout_s,
    )


async def send_request(
    pool: UpstreamPool, scope: Scope, client: Client, body: bytes, *, deadline: float
) -> UpstreamConnection:
    """Send a request and return its connection once the head of the answer is read.

    The caller releases it. deadline: the loop's time. Raises: RequestUnreadable, UpstreamError.
    """
    method: str = scope["method"]
    head = build_request_head(scope, client, build_content_length(body, method))
    is_repeatable = not body and method in REPEATABLE
    connection = await pool.acquire()
    while True:
        try:
            request = head.to(connection.address) + body
            connection.send(request, deadline=deadline, is_head=method == "HEAD")
            await connection.read_head()
            return connection
        except BaseException as error:
            connection.close()
            pool.release(connection)
            if not (is_repeatable and isinstance(error, StaleConnection)):
                raise
        is_repeatable = False
        connection = await pool.acquire(fresh=True)


def to_problem(error: UpstreamError, request_id: str) -> DomainError:
    """Log a failure and return the problem for the client."""
    log.warning("upstream.failed", request_id=request_id, error=type(error).__name__)
    match error:
        case PoolBusy():
            return UpstreamBusy()
        case Unreachable():
            return UpstreamAway()
        case ReadTimeout():
            return UpstreamLate()
        case _:
            return UpstreamFailed()


class CancelOnDisconnect:
    """Cancels the block when the client disconnects. Raises: ClientDisconnected."""

    __slots__ = ("_gone", "_register", "_task")

    def __init__(self, scope: Scope) -> None:
        extensions = scope.get("extensions", {})
        self._gone = GONE in extensions
        self._task = asyncio.current_task()
        self._register: Callable[[Callable[[], None] | None], None] | None = extensions.get(ON_LOST)

    def __enter__(self) -> None:
        if self._gone:
            raise ClientDisconnected
        if self._register is not None:
            self._register(self._cancel)

    def _cancel(self) -> None:
        self._gone = True
        assert self._task is not None, "a request has a task"
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._register is not None:
            self._register(None)
        if self._gone and isinstance(error, asyncio.CancelledError):
            assert self._task is not None, "a request has a task"
            self._task.uncancel()
            raise ClientDisconnected from None
