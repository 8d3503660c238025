"""The HTTP protocol of every process: uvicorn's, with limits for each connection.

It drops trailer fields, limits heads and closes stalled connections. Times are checked once a
second for all connections of a server, so a limit may be exceeded by a second.
Source: RFC 9112 (messages 2, trailers 7.1.2), RFC 9110 (408, 431: 15.5).
"""

import asyncio
import contextvars
import math
from typing import Any, ClassVar

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from perisai_kit.domain.errors import DomainError
from perisai_kit.http.connections import refusals
from perisai_kit.http.connections.callbacks import Callbacks
from perisai_kit.http.connections.cycle import Cycle, get_framing
from perisai_kit.http.connections.heads import check_version_and_host, measure_head
from perisai_kit.http.connections.joined_transport import JoinedTransport, limit_unsent_bytes
from perisai_kit.http.connections.watch import ConnectionLimits, closed_total, get_watch

MAX_PIPELINED = 128
"""Pipelined requests that may wait on a connection; beyond that it ends after the last one."""
FEED_BYTES = 16 * 1024
"""The parser is fed in parts of this size, so that the limit of a head is exact to one part."""
ABORT, ON_LOST, ON_STOPPING = "perisai.abort", "perisai.on_lost", "perisai.on_stopping"
INNER, GONE, STOPPING = "perisai.inner", "perisai.gone", "perisai.stopping"
"""Keys of `scope["extensions"]`, see `ServerProtocol`."""


class ServerProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits and joined writes.

    It adds to `scope["extensions"]`: `perisai.abort()` closes the connection without an answer;
    `perisai.on_lost(callback)` is called when the client disconnects, None removes the callback;
    `perisai.gone` exists after that; `perisai.inner` exists for requests on an inner port;
    `perisai.stopping` exists once the server stops, and no answer should wait any longer;
    `perisai.on_stopping(callback)` is called then, None removes the callback.
    """

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()
    inner_ports: ClassVar[frozenset[int]] = frozenset()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._watch = get_watch(server_state, self.loop, self.limits)
        self._is_refused = self._is_resuming = self._is_in_head = self._is_in_body = False
        self._upgrade_framing = b""  # the framing header of a request for an upgrade
        self._unframed = self._body_here = self._body_bytes = self._begun_here = 0
        self._host_count = self._write_left = 0
        self._deadline = math.inf  # for the present head, or the first one
        self._lingers_until = self._idle_until = self._write_deadline = math.inf
        self._body_since = self._checked_at = 0.0
        self._callbacks = Callbacks(ON_LOST, ON_STOPPING)
        self._running: RequestResponseCycle | None = None
        self._extensions = self._callbacks.make_registers()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn says it
        super().connection_made(JoinedTransport(transport, self.loop))
        limit_unsent_bytes(transport)
        self._extensions[ABORT] = self.transport.abort
        if self.server is not None and self.server[1] in self.inner_ports:
            self._extensions[INNER] = True
        self._checked_at = self.loop.time()
        self._deadline = self._checked_at + self.limits.head_s
        self._watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._watch.remove(self)
        self._extensions.clear()  # they reference this object
        self._extensions[GONE] = True
        self._callbacks.call(ON_LOST)
        self._callbacks.clear()

    def shutdown(self) -> None:
        self._extensions[STOPPING] = True
        self._callbacks.call(ON_STOPPING)
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._watch.resume()
        self._idle_until = math.inf
        if self._deadline == math.inf and not self._is_in_body and self._is_idle():
            self._deadline = self.loop.time() + self.limits.head_s
        for start in range(0, len(data), FEED_BYTES):
            if not self._is_refused:
                self._feed(data[start : start + FEED_BYTES])

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_left = self.transport.get_write_buffer_size()
        self._write_deadline = self.loop.time() + self.limits.write_s
        self._watch.resume()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_deadline = math.inf

    # Called by the parser, then by uvicorn and by the watch.

    def on_message_begin(self) -> None:
        if self._is_resuming:
            return
        super().on_message_begin()
        self.scope["extensions"] = self._extensions
        self._is_in_head = True
        self._begun_here += 1
        self._unframed = self._host_count = 0
        if self._deadline == math.inf:
            self._deadline = self.loop.time() + self.limits.head_s

    def on_header(self, name: bytes, value: bytes) -> None:
        # A field outside of a head is a trailer and does not become a header.
        if self._is_in_head and not self._is_resuming:
            name = name.lower()
            if name == b"host":
                self._host_count += 1
            elif name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_resuming:
            return
        check_version_and_host(self.parser.get_http_version(), self._host_count)
        super().on_headers_complete()  # if it refuses the request, our state does not change
        self._is_in_head, self._is_in_body = False, True
        self._deadline = math.inf
        self._body_bytes = 0
        self._body_since = self._checked_at = self.loop.time()
        if self.parser.should_upgrade():
            self._upgrade_framing = get_framing(self.headers)
        if len(self.pipeline) > MAX_PIPELINED:
            closed_total.labels("pipelined").inc()
            self._end_after(self.cycle)

    def on_body(self, body: bytes) -> None:
        self._body_here += len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._upgrade_framing:
            return  # the parser ends early; the body is still to come
        self._is_in_body = False
        if self._is_idle():  # it was answered before its body came
            self._await_next()
        else:
            self._watch.set_busy(self)
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.__class__ = Cycle  # uvicorn offers no other place to choose it
        task = self.loop.create_task(cycle.run_asgi(app), context=contextvars.Context())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: self._watch.resume())  # it may have closed the connection

    def on_response_complete(self) -> None:
        self._callbacks.clear()
        self._watch.resume()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._await_next()

    def check(self, now: float) -> bool:
        """Close an overdue connection; return False if it only waits for the app."""
        passed, self._checked_at = now - self._checked_at, now
        if now > self._lingers_until:
            self.transport.close()
        if self.transport.is_closing() or self.flow.write_paused:
            self._check_writing(now)
        elif self.flow.read_paused:  # the client waits for us
            self._body_since += passed
            self._deadline += passed
        elif now > self._idle_until:
            self.transport.close()
        elif now > self._deadline:
            self._close_or_refuse(refusals.RequestTimedOut(), "head_slow")
        elif self._is_in_body and now > self._body_since + self.limits.get_body_s(self._body_bytes):
            self._close_or_refuse(refusals.RequestTimedOut(), "body_slow")
        limits = (self._deadline, self._idle_until, self._lingers_until, self._write_deadline)
        return self._is_in_body or self.transport.is_closing() or min(limits) < math.inf

    def close_idle(self) -> None:
        """Close the connection for a new one."""
        closed_total.labels("too_many").inc()
        self.transport.close()

    def _feed(self, data: bytes) -> None:
        self._begun_here = self._body_here = 0
        is_next = not self._is_in_head and not self._is_in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_behind_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(refusals.RequestMalformed(), "malformed")
        if self._begun_here <= is_next:  # the part is of one request
            self._unframed += len(data) - self._body_here
        elif self._is_in_head:
            self._unframed = measure_head(self.url, self.headers)
        if self._unframed > self.limits.head_bytes:
            self._refuse(refusals.HeadTooLarge(), "head_large")

    def _go_on_behind_upgrade(self, rest: bytes) -> None:
        """Ignore a requested upgrade (RFC 9110 7.8) and read the body with a new parser.

        The old parser ends after the head of such a request. The HTTP client of Java and curl
        request an upgrade with every POST in plain HTTP.
        """
        framing, self._upgrade_framing = self._upgrade_framing, b""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        if framing:
            self._is_resuming = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
            self._is_resuming = False
        if rest and not self._is_refused:
            self._feed(rest)

    def _check_writing(self, now: float) -> None:
        left = self.transport.get_write_buffer_size()
        if left < self._write_left or self._write_deadline == math.inf:  # the latter means closing
            self._write_left, self._write_deadline = left, now + self.limits.write_s
        elif now > self._write_deadline:
            closed_total.labels("answer_unread").inc()
            self.transport.abort()

    def _await_next(self) -> None:
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        self._watch.set_idle(self)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_or_refuse(self, error: DomainError, reason: str) -> None:
        if self._is_in_head or self._is_in_body:
            self._refuse(error, reason)
        else:  # no part of a request has come, so there is no answer
            self._is_refused = True
            closed_total.labels(reason).inc()
            self.transport.close()

    def _refuse(self, error: DomainError, reason: str) -> None:
        """Refuse the request, unless that would corrupt an answer under way."""
        if self._is_refused:
            return
        self._is_refused = True
        closed_total.labels(reason).inc()
        is_of_body = not self._is_in_head and self.cycle is not None and self.cycle.more_body
        faulty = self.cycle if is_of_body else None
        if faulty is not None and self.pipeline and self.pipeline[0][0] is faulty:
            self.pipeline.popleft()  # it has not begun; earlier ones are still answered
            self._end_after(self.pipeline[0][0] if self.pipeline else self._running)
        elif faulty is not None and faulty.response_started:
            self.transport.close() if faulty.response_complete else self.transport.abort()
        elif faulty is None and not self._is_idle():
            self._end_after(self.cycle)
        else:
            if faulty is not None:
                faulty.disconnected = True
                faulty.message_event.set()
            self._write_refusal(error)

    def _end_after(self, cycle: RequestResponseCycle | None) -> None:
        self._is_refused = True  # further data is ignored
        if cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False

    def _write_refusal(self, error: DomainError) -> None:
        self.transport.write(refusals.build_refusal(error, self.server_state.default_headers))
        self.transport.write_eof()
        self._deadline = math.inf
        self._is_in_body = False
        self._lingers_until = self.loop.time() + self.limits.linger_s
