"""Connection pools: bounded, with short keep-alive, balanced over the addresses of an upstream.

Each upstream has its own pool, and banks have their own pool to payment-service. So an upstream
that hangs delays only its own requests, and a bank never shares a connection with a member.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from gateway.edge.connection import Address, PoolBusy, Unreachable, UpstreamConnection
from gateway.edge.limits import QueueFull, Slots

KEPT_CONNECTION_S = 3
"""Below the 5 s of uvicorn's keep-alive, so that we do not write to a closed connection."""
AVOIDED_S = 2.0
"""How long an unreachable address is tried last."""

lent_gauge = Gauge("perisai_upstream_connections_lent", "Connections in use.", ["pool"])
waiting_gauge = Gauge("perisai_upstream_requests_waiting", "Requests without one.", ["pool"])
failed_total = Counter(
    "perisai_upstream_connections_failed_total", "No connection was to be had.", ["pool", "reason"]
)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The limits of one pool. max_waiting: requests that may wait for a connection."""

    max_connections: int
    max_waiting: int
    wait_s: float
    connect_timeout_s: float
    read_timeout_s: float


class UpstreamPool:
    """A pool of connections. Every acquired connection must be released."""

    def __init__(self, name: str, urls: str, limits: PoolLimits) -> None:
        """name: for metrics. urls: one, or several separated by commas. Raises: ValueError."""
        self.addresses = [Address(url) for url in urls.split(",")]
        self._limits = limits
        self._slots = Slots(
            limit=limits.max_connections, waiting=limits.max_waiting, wait_s=limits.wait_s
        )
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self._busy = failed_total.labels(name, "busy")
        self._unreachable = failed_total.labels(name, "unreachable")
        lent_gauge.labels(name).set_function(lambda: self._slots.in_use)
        waiting_gauge.labels(name).set_function(lambda: self._slots.waiting)

    async def acquire(self, *, fresh: bool = False) -> UpstreamConnection:
        """Return a connection for exclusive use. fresh: a new one.

        Raises: PoolBusy, Unreachable.
        """
        if not self._slots.try_acquire():
            try:
                await self._slots.acquire()
            except QueueFull:
                self._busy.inc()
                raise PoolBusy("all connections are in use") from None
        try:
            if not fresh and len(self.addresses) == 1:  # the usual case
                address = self.addresses[0]
                if idle := self._take_idle(address):
                    address.in_use += 1
                    return idle
            return await self._acquire_from_any(fresh=fresh)
        except BaseException:
            self._slots.release()
            raise

    def release(self, connection: UpstreamConnection) -> None:
        """Return a connection to the pool, in any state."""
        address = connection.address
        address.in_use -= 1
        if self._closed:
            connection.close()
        elif connection.try_keep():
            address.idle.append(connection)
            if self._sweeping is None:
                self._sweep_later()
        self._slots.release()

    async def close(self) -> None:
        """Close idle connections; those in use are closed when they are released."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for address in self.addresses:
            while address.idle:
                address.idle.pop().close()

    async def _acquire_from_any(self, *, fresh: bool) -> UpstreamConnection:
        """Return a connection to the least loaded address that can be reached."""
        failure = Unreachable("no address")
        for address in self._sort_by_load():
            idle = None if fresh else self._take_idle(address)
            address.in_use += 1  # before the await: other requests choose by it
            try:
                return idle or await self._connect(address)
            except BaseException as error:
                address.in_use -= 1
                if not isinstance(error, Unreachable):
                    raise
                failure = error
                address.avoided_until = asyncio.get_running_loop().time() + AVOIDED_S
        self._unreachable.inc()
        raise failure

    def _sort_by_load(self) -> Sequence[Address]:
        if len(self.addresses) == 1:
            return self.addresses
        now = asyncio.get_running_loop().time()
        return sorted(self.addresses, key=lambda each: (each.avoided_until > now, each.in_use))

    def _take_idle(self, address: Address) -> UpstreamConnection | None:
        since = asyncio.get_running_loop().time() - KEPT_CONNECTION_S
        while address.idle:  # the most recently used first: the others may expire
            connection = address.idle.pop()
            if connection.is_open and connection.idle_since > since:
                return connection
            connection.close()
        return None

    async def _connect(self, address: Address) -> UpstreamConnection:
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                return await self._connect_to_one(address)
        except OSError as error:  # includes TimeoutError and ssl.SSLError
            raise Unreachable(type(error).__name__) from None

    async def _connect_to_one(self, address: Address) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        failure = OSError("no address")
        for host in await address.names.resolve():
            try:
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(address, read_timeout_s=self._limits.read_timeout_s),
                    host,
                    address.port,
                    ssl=address.tls,
                    server_hostname=address.host if address.tls else None,
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(KEPT_CONNECTION_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        since = asyncio.get_running_loop().time() - KEPT_CONNECTION_S
        for address in self.addresses:
            while address.idle and address.idle[0].idle_since <= since:
                address.idle.popleft().close()
        if any(address.idle for address in self.addresses):
            self._sweep_later()
