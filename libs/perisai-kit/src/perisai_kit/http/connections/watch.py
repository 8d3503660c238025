"""The connections of one server: bounded in number, and checked once a second.

Nothing is checked while every connection waits for the app, so that long polls wake nobody.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from prometheus_client import Counter, Gauge
from uvicorn.server import ServerState

closed_total = Counter(
    "perisai_http_connections_closed_total", "Connections closed by a limit.", ["reason"]
)
open_connections = Gauge("perisai_http_connections_open", "Open connections of clients.")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of a connection. Times are seconds, sizes bytes.

    A body may take `body_s` plus a second for each `body_bytes_a_second` received: an upload of 1
    MB over EDGE takes 80 s.
    """

    head_bytes: int = 64 * 1024
    """Request line, headers, chunk lines and trailers of one request together."""
    head_s: float = 10.0
    body_s: float = 20.0
    body_bytes_a_second: int = 4096
    write_s: float = 30.0
    """How long a client may read nothing of an answer."""
    linger_s: float = 2.0
    """How long a refused client may continue to send; after an immediate close it would get no
    answer."""
    connections: int = 10_000
    """Open connections; beyond that the connection that was idle longest is closed."""
    check_every_s: float = 1.0

    def get_body_s(self, received: int) -> float:
        """Return the seconds that a body may take of which so many bytes were received."""
        return self.body_s + received / self.body_bytes_a_second


class Watched(Protocol):
    """A watched connection."""

    def check(self, now: float) -> bool:
        """Close the connection if it is overdue; return whether to check it again in a second.

        now: the loop's time.
        """
        ...

    def close_idle(self) -> None: ...


class Watch:
    """Checks the connections of one server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: ConnectionLimits) -> None:
        self._loop = loop
        self._limits = limits
        self._open: set[Watched] = set()
        self._idle: dict[Watched, None] = {}
        """Idle connections, the longest idle first."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Watched) -> None:
        self._open.add(connection)
        self._idle[connection] = None
        open_connections.inc()
        if len(self._open) > self._limits.connections:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            oldest.close_idle()
        self.resume()

    def resume(self) -> None:
        """Check again from now on: a connection does not only wait for the app any more."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.check_every_s, self._check)

    def remove(self, connection: Watched) -> None:
        if connection in self._open:
            self._open.remove(connection)
            open_connections.dec()
        self._idle.pop(connection, None)

    def set_busy(self, connection: Watched) -> None:
        self._idle.pop(connection, None)

    def set_idle(self, connection: Watched) -> None:
        if connection in self._open:
            self._idle[connection] = None

    def _check(self) -> None:
        self._timer = None
        now = self._loop.time()
        goes_on = False
        for connection in list(self._open):
            goes_on = connection.check(now) or goes_on
        if goes_on:
            self.resume()


_watches: WeakKeyDictionary[ServerState, Watch] = WeakKeyDictionary()


def get_watch(
    state: ServerState, loop: asyncio.AbstractEventLoop, limits: ConnectionLimits
) -> Watch:
    watch = _watches.get(state)
    if watch is None:
        watch = _watches[state] = Watch(loop, limits)
    return watch
