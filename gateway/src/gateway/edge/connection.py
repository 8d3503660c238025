"""One connection to an upstream, with one request and its answer at a time.

The parser is httptools, which uvicorn uses for requests. A connection is reused only if the answer
was complete, both sides keep the connection, the request has been written, and no byte came outside
of an answer (RFC 9112 2.2 permits empty lines behind one). Otherwise it is closed, because an
answer must never reach the next client.
Source: RFC 9112 (framing 6, connections 9), RFC 9110 (statuses 15).
"""

import asyncio
import ssl
from collections import deque
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.edge.names import Names

MOST_HEAD = 64 * 1024
"""Bytes that an upstream may send outside of a body: heads, 1xx answers, trailers."""
HELD_BYTES = 256 * 1024
"""Reading from an upstream pauses while so much waits for the client."""
BODILESS = frozenset({204, 304})
"""Source: RFC 9110 15.3.5, 15.4.5."""

DEFAULT_PORTS = {"http": 80, "https": 443}

Headers = list[tuple[bytes, bytes]]


class UpstreamError(Exception):
    """There is no complete answer."""


class Unreachable(UpstreamError):
    """There is no connection; nothing was sent."""


class PoolBusy(Unreachable):
    """All connections are in use, and the queue for them is full."""


class ReadTimeout(UpstreamError):
    """The answer did not begin or did not continue in time."""


class ConnectionBroken(UpstreamError):
    """The connection ended early, or the answer is not valid HTTP."""


class StaleConnection(ConnectionBroken):
    """A reused connection ended without a byte of this answer.

    It was probably closed before the request arrived. That does not prove that the request was not
    carried out.
    """


class Address:
    """One address of an upstream, with its idle connections.

    authority: the value of Host. path: the prefix of every target.
    """

    __slots__ = (
        "authority",
        "avoided_until",
        "host",
        "idle",
        "in_use",
        "names",
        "path",
        "port",
        "tls",
    )

    def __init__(self, url: str) -> None:
        """Parse an http or https address. Raises: ValueError."""
        parts = urlsplit(url.strip().rstrip("/"))
        host = parts.hostname
        if not host or parts.scheme not in DEFAULT_PORTS or parts.username or parts.query:
            raise ValueError("not the address of an upstream")
        usual = DEFAULT_PORTS[parts.scheme]
        self.host = host if host.isascii() else host.encode("idna").decode()
        self.port = parts.port or usual
        named = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = (named if self.port == usual else f"{named}:{self.port}").encode()
        self.path = parts.path.encode("ascii")
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.names = Names(self.host, self.port)
        self.idle: deque[UpstreamConnection] = deque()
        self.in_use = 0
        self.avoided_until = 0.0


class UpstreamConnection(asyncio.Protocol):
    """A connection of a pool: `send`, `read_head`, `read_body` until it returns nothing, release.

    status, headers: of the answer, after `read_head`; names in lower case.
    """

    def __init__(self, address: Address, *, read_timeout_s: float) -> None:
        """read_timeout_s: the longest pause within an answer that has begun."""
        self.address = address
        self.status = 0
        self.headers: Headers = []
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._read_timeout_s = read_timeout_s
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._closed = False
        self._used = self._reused = False
        self._begin(idle=True, is_head=False)
        self._reader: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def _begin(self, *, idle: bool, is_head: bool) -> None:
        self._idle = idle
        self._is_head = is_head
        self._headed = self._complete = self._keeps = self._heard = False
        self._until_close = False
        self._unframed = 0
        self._parts: list[bytes] = []
        self._held = 0
        self._failure: UpstreamError | None = None
        if self._closed:  # before it was used
            self._failure = self._ended()

    # Called by the relay.

    def send(self, request: bytes, *, deadline: float, is_head: bool = False) -> None:
        """Send a request. deadline: the loop's time by which the answer must have begun."""
        self._reused, self._used = self._used, True
        self._begin(idle=False, is_head=is_head)
        self.headers = []
        self._deadline = deadline
        if not self._closed:
            self._transport.write(request)

    async def read_head(self) -> None:
        """Wait for the head of the answer. Raises: ReadTimeout, ConnectionBroken."""
        while not self._headed:
            await self._more()

    async def read_body(self) -> bytes:
        """Return the next part of the body, or nothing at its end.

        Raises: ReadTimeout, ConnectionBroken.
        """
        while not self._parts:
            if self._complete:
                return b""
            await self._more()
        content = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if self._held > HELD_BYTES and self.is_open:
            self._transport.resume_reading()
        self._held = 0
        return content

    @property
    def is_complete(self) -> bool:
        """Whether all of the answer has been read."""
        return self._complete and not self._parts

    def try_keep(self) -> bool:
        """Make the connection idle and return True, or close it and return False."""
        if (
            self.is_complete
            and self._keeps
            and self.is_open
            and not self._transport.get_write_buffer_size()
        ):
            self._idle = True
            self.idle_since = self._loop.time()
            return True
        self.close()
        return False

    @property
    def is_open(self) -> bool:
        return not self._closed and not self._transport.is_closing()

    def close(self) -> None:
        """Close at once. A waiting reader gets ConnectionBroken."""
        self._fail(ConnectionBroken("closed"))

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transports of uvloop do not derive from those of asyncio.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._idle or self._closed or self._complete:  # unsolicited bytes
            self.close()
            return
        self._heard = True
        self._unframed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(ConnectionBroken("not an answer"))
        if self._unframed > MOST_HEAD and not self._complete:
            self._fail(ConnectionBroken("too much beside the body"))
        _wake(self._reader)

    def eof_received(self) -> None:
        if self._until_close and self._failure is None:
            self._complete = True
        self._fail(self._ended())

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(self._ended())
        self._forget_timer()
        del self._parser  # it refers to us

    # Called by the parser; an exception ends the parsing.

    def on_message_begin(self) -> None:
        if self._complete:
            raise ConnectionBroken("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # trailers are dropped: RFC 9110 6.5.1
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = status = self._parser.get_status_code()
        coding, has_length = _get_framing(self.headers)
        version = self._parser.get_http_version()
        if version not in {"1.1", "1.0"} or not 100 <= status <= 599 or status == 101:
            raise ConnectionBroken("neither version nor status is ours")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            raise ConnectionBroken("transfer coding unknown")  # RFC 9112 6.1, 6.3
        if status < 200:
            return
        self._headed = True
        framed = coding is not None or has_length
        if self._is_head:
            # The parser expects a body that a HEAD has not, so this connection is not reused.
            self._complete = True
        elif status in BODILESS:
            self._keeps = not framed and self._parser.should_keep_alive()
        elif framed:
            self._keeps = self._parser.should_keep_alive()
        else:
            self._until_close = True

    def on_body(self, part: bytes) -> None:
        if self._complete or not self._headed:
            raise ConnectionBroken("a body where there is none")
        self._unframed = 0
        self._parts.append(part)
        before, self._held = self._held, self._held + len(part)
        if before <= HELD_BYTES < self._held:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True
        else:
            self.headers = []  # of an informational answer: RFC 9110 15.2

    # Internal.

    async def _more(self) -> None:
        self._raise_failure()
        loop = self._loop
        if self._headed:
            self._deadline = loop.time() + self._read_timeout_s
        # One timer serves all requests of a connection. It compares the deadline when it fires.
        if self._timer is None:
            self._timer = loop.call_at(self._deadline, self._check_deadline)
        elif self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = loop.call_at(self._deadline, self._check_deadline)
        self._reader = loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _check_deadline(self) -> None:
        self._timer = None
        if self._reader is None:
            return
        if self._loop.time() >= self._deadline:
            self._fail(ReadTimeout("no answer in time"))
        else:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _ended(self) -> UpstreamError:
        unheard = self._reused and not self._heard
        return StaleConnection("ended") if unheard else ConnectionBroken("ended")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _fail(self, failure: UpstreamError) -> None:
        if self._failure is None:
            self._failure = failure
        self._closed = True
        self._transport.abort()
        _wake(self._reader)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _get_framing(headers: Headers) -> tuple[bytes | None, bool]:
    """Return the transfer coding and whether there is a length; the parser refuses both at once."""
    coding: bytes | None = None
    has_length = False
    for name, value in headers:
        if name == b"transfer-encoding":
            coding = value if coding is None else coding + b", " + value
        elif name == b"content-length":
            has_length = True
    return coding, has_length


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
