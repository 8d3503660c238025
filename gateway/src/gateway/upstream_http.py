"""One connection to an upstream, and on it one request and its answer at a time.

The parser is httptools, which uvicorn reads our own requests with; it is as strict here as it is
there. A connection is used again only when nothing is left open: the answer was whole, both sides
keep the connection, the request was sent to its end and no byte came that belongs to no answer
(empty lines right behind one are let pass: RFC 9112 2.2). Anything else closes it, because an
answer must never reach the one who asked next.
Source: RFC 9112 (framing 6, connections 9), RFC 9110 (statuses 15).
"""

import asyncio
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD = 64 * 1024
"""Bytes an upstream may say without a byte of a body: heads, 1xx answers, trailers."""
HELD_BYTES = 256 * 1024
"""An upstream is not read further while its reader has so much to take."""
BODILESS = frozenset({204, 304})
"""Source: RFC 9110 15.3.5, 15.4.5."""

Headers = list[tuple[bytes, bytes]]


class UpstreamError(Exception):
    """There is no whole answer."""


class Unreachable(UpstreamError):
    """There is no connection; nothing was sent."""


class Silent(UpstreamError):
    """Nothing moved for too long."""


class BrokenOff(UpstreamError):
    """The connection ended early, or what came is not HTTP that we take."""


class EndedUnheard(BrokenOff):
    """A connection used before ended without a byte of this answer.

    Most likely it was closed before the request arrived; that is no proof that it was not
    carried out.
    """


class UpstreamConnection(asyncio.Protocol):
    """Made by the pool. `ask`, then `head`, then `read` until it gives nothing, then given back.

    status, headers: of the answer, once `head` has returned; names in lower case.
    """

    def __init__(self, *, silence_s: float) -> None:
        """silence_s: how long the upstream may say, or take, nothing."""
        self.status = 0
        self.headers: Headers = []
        self.rested_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._closed = False
        self._used = self._reused = False
        self._begin(resting=True, is_head=False, whole=True)
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._write_paused = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def _begin(self, *, resting: bool, is_head: bool, whole: bool) -> None:
        self._resting = resting
        self._is_head = is_head
        self._sending = not whole
        self._headed = self._complete = self._keeps = self._heard = False
        self._until_close = False
        self._unframed = 0
        self._parts: list[bytes] = []
        self._held = 0
        self._failure: UpstreamError | None = None
        if self._closed:  # between being made and being asked
            self._failure = self._ended()

    # What whoever asks calls.

    def ask(self, request: bytes, *, is_head: bool = False, whole: bool = True) -> None:
        """Send a request. whole: False where `send` and `end` follow."""
        self._reused, self._used = self._used, True
        self._begin(resting=False, is_head=is_head, whole=whole)
        self.headers = []
        if not self._closed:
            self._transport.write(request)

    async def send(self, part: bytes) -> None:
        """Send more of the request, as fast as the upstream takes it. Raises: UpstreamError."""
        self._raise_failure()
        self._transport.write(part)
        while self._write_paused:
            self._raise_failure()
            self._writer = self._wait()
            try:
                await self._writer
            finally:
                self._writer = None

    def end(self) -> None:
        """Say that the request has been sent to its end."""
        self._sending = False
        self._deadline = self._loop.time() + self._silence_s

    async def head(self) -> None:
        """Wait for the head of the answer. Raises: Silent, BrokenOff."""
        while not self._headed:
            await self._more()

    async def read(self) -> bytes:
        """Return more of the answer's body, nothing at its end. Raises: Silent, BrokenOff."""
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
    def at_end(self) -> bool:
        """Whether all of the answer has been read."""
        return self._complete and not self._parts

    def rest(self) -> bool:
        """Be ready for another request, or close; tell which."""
        if (
            self.at_end
            and self._keeps
            and not self._sending
            and self.is_open
            and not self._transport.get_write_buffer_size()
        ):
            self._resting = True
            self.rested_at = self._loop.time()
            return True
        self.close()
        return False

    @property
    def is_open(self) -> bool:
        return not self._closed and not self._transport.is_closing()

    def close(self) -> None:
        """Close at once; whoever still waits is told."""
        self._fail(BrokenOff("closed"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's own transports are not derived from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._resting or self._closed or self._complete:  # nobody has asked for it
            self.close()
            return
        self._heard = True
        self._deadline = self._loop.time() + self._silence_s
        self._unframed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(BrokenOff("not an answer"))
        if self._unframed > MOST_HEAD and not self._complete:
            self._fail(BrokenOff("too much beside the body"))
        _wake(self._reader)

    def eof_received(self) -> None:
        if self._until_close and self._failure is None:
            self._complete = True
        self._fail(self._ended())

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(self._ended())
        self._forget_timer()
        del self._parser  # it refers to us

    def pause_writing(self) -> None:
        self._write_paused = True
        self._deadline = self._loop.time() + self._silence_s

    def resume_writing(self) -> None:
        self._write_paused = False
        _wake(self._writer)

    # What the parser calls; an exception ends the parsing.

    def on_message_begin(self) -> None:
        if self._complete:
            raise BrokenOff("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # trailers are nobody's: RFC 9110 6.5.1
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = status = self._parser.get_status_code()
        coding, has_length = _framing(self.headers)
        version = self._parser.get_http_version()
        if version not in {"1.1", "1.0"} or not 100 <= status <= 599 or status == 101:
            raise BrokenOff("neither version nor status is ours")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            raise BrokenOff("transfer coding unknown")  # RFC 9112 6.1, 6.3
        if status < 200:
            return
        self._headed = True
        framed = coding is not None or has_length
        if self._is_head:
            # The parser cannot be told that there is no body, so this connection ends here.
            self._complete = True
        elif status in BODILESS:
            self._keeps = not framed and self._parser.should_keep_alive()
        elif framed:
            self._keeps = self._parser.should_keep_alive()
        else:
            self._until_close = True

    def on_body(self, part: bytes) -> None:
        if self._complete or not self._headed:
            raise BrokenOff("a body where there is none")
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

    # What happens between.

    async def _more(self) -> None:
        self._raise_failure()
        self._reader = self._wait()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wait(self) -> asyncio.Future[None]:
        # One timer for all requests of a connection: it looks at the deadline when it comes round.
        self._deadline = self._loop.time() + self._silence_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._look_at_deadline)
        return self._loop.create_future()

    def _look_at_deadline(self) -> None:
        self._timer = None
        if self._reader is None and self._writer is None:
            return
        now = self._loop.time()
        if self._sending and not self._write_paused:
            self._deadline = now + self._silence_s  # the client's turn, who has a limit of his own
        if now >= self._deadline:
            self._fail(Silent("nothing moved"))
        else:
            self._timer = self._loop.call_at(self._deadline, self._look_at_deadline)

    def _ended(self) -> UpstreamError:
        unheard = self._reused and not self._heard
        return EndedUnheard("ended") if unheard else BrokenOff("ended")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _fail(self, failure: UpstreamError) -> None:
        if self._failure is None:
            self._failure = failure
        self._closed = True
        self._transport.abort()
        _wake(self._reader)
        _wake(self._writer)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _framing(headers: Headers) -> tuple[bytes | None, bool]:
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
