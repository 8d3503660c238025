"""The connections to the upstreams of this process: so many at most, kept for a moment.

Each origin keeps its own, and each door has its own origins: a connection that carried a bank's
request never carries a member's.
"""

import asyncio
import ssl
from collections import deque
from urllib.parse import urlsplit

from gateway.upstream_http import Unreachable, UpstreamConnection

KEPT_CONNECTION_S = 3
"""Below the 5 s after which uvicorn closes an idle connection, so that we never write to one."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin:
    """Where an upstream is, and the connections to it that rest.

    authority: what Host says. path: what stands before each target.
    """

    __slots__ = ("authority", "host", "path", "port", "resting", "tls")

    def __init__(self, url: str) -> None:
        """Raises: ValueError where the address is not one of http or https."""
        parts = urlsplit(url.rstrip("/"))
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
        self.resting: deque[UpstreamConnection] = deque()


class UpstreamPool:
    """Lends connections; what is lent must be given back."""

    def __init__(self, *, most: int, connect_s: float, silence_s: float) -> None:
        """most: lent at one time. silence_s: also how long to wait for one to be given back."""
        self._places = asyncio.Semaphore(most)
        self._connect_s = connect_s
        self._silence_s = silence_s
        self._origins: list[Origin] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    def origin(self, url: str) -> Origin:
        """Return a new origin with connections of its own. Raises: ValueError."""
        origin = Origin(url)
        self._origins.append(origin)
        return origin

    async def take(self, origin: Origin, *, fresh: bool = False) -> UpstreamConnection:
        """Return a connection that nobody else has. fresh: one never used. Raises: Unreachable."""
        await self._take_place()
        try:
            resting = None if fresh else self._take_resting(origin)
            return resting or await self._connect(origin)
        except BaseException:
            self._places.release()
            raise

    def give_back(self, origin: Origin, connection: UpstreamConnection) -> None:
        """Take back what `take` lent, in whatever state it is."""
        self._places.release()
        if self._closed:
            connection.close()
        elif connection.rest():
            origin.resting.append(connection)
            if self._sweeping is None:
                self._sweep_later()

    async def close(self) -> None:
        """Close all that rest; what is lent is closed when it is given back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for origin in self._origins:
            while origin.resting:
                origin.resting.pop().close()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._silence_s):
                await self._places.acquire()
        except TimeoutError:
            raise Unreachable("all connections are in use") from None

    def _take_resting(self, origin: Origin) -> UpstreamConnection | None:
        since = asyncio.get_running_loop().time() - KEPT_CONNECTION_S
        while origin.resting:  # the last one first: the others may be left to end
            connection = origin.resting.pop()
            if connection.is_open and connection.rested_at > since:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_s):
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(silence_s=self._silence_s),
                    origin.host,
                    origin.port,
                    ssl=origin.tls,
                )
        except OSError as error:  # TimeoutError and ssl.SSLError are of this kind
            raise Unreachable(type(error).__name__) from None
        return connection

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(KEPT_CONNECTION_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        since = asyncio.get_running_loop().time() - KEPT_CONNECTION_S
        for origin in self._origins:
            while origin.resting and origin.resting[0].rested_at <= since:
                origin.resting.popleft().close()
        if any(origin.resting for origin in self._origins):
            self._sweep_later()
