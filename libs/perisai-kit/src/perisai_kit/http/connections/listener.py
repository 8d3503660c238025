"""Accept connections; several processes on one port share them evenly.

All processes that wait at a socket are woken for a new connection, and the first one gets it. So of
32 connections that a bank opened at once, one process took up to 31, and the other one booked each
flag of the last connection in a batch of its own. Here a process that has connections leaves a new
one to others for a while that grows with their number, so that the one with the fewest gets it.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from itertools import islice
from weakref import WeakSet

import uvloop

from perisai_kit.runtime.log import get_logger

ACCEPTED_A_TURN = 16
"""New connections taken per turn of the event loop. Behind a burst of 512 that are taken one by
one, a bank's connection would wait for 512 turns."""
EVEN_UP_TO = 32
"""A process with so many connections leaves none to others: it has enough to fill its batches."""
LEAVE_S = 0.001
"""So long are connections left to others, for each one that this process has."""
REST_S = 1.0
"""Before the next attempt when a connection cannot be accepted, such as without a descriptor."""
PASSING = frozenset(
    {
        *(errno.ECONNABORTED, errno.EPROTO, errno.ENOPROTOOPT, errno.EPERM, errno.EOPNOTSUPP),
        *(errno.ENETDOWN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENONET),
    }
)
"""Errors of one connection: its client has gone, say. Source: accept(2)."""

log = get_logger()


class Listener:
    """Accepts the connections of a listening socket until it is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        new_protocol: Callable[[], asyncio.Protocol],
        *,
        is_shared: bool,
        leave_s: float = LEAVE_S,
    ) -> None:
        """is_shared: other processes accept from this socket too. leave_s: see LEAVE_S."""
        self._loop = loop
        self._socket = listening
        self._new_protocol = new_protocol
        self._is_shared = is_shared
        self._leave_s = leave_s
        self._accepted = 0  # so many have no transport yet
        self._starting = set[asyncio.Task[None]]()
        self._open: WeakSet[asyncio.Transport] = WeakSet()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        listening.setblocking(False)
        self._wait()

    def close(self) -> None:
        """Accept no more; what is accepted stays open."""
        self._is_closed = True
        self._loop.remove_reader(self._socket)
        if self._timer is not None:
            self._timer.cancel()

    async def wait_closed(self) -> None:
        """Wait for connections that have just been accepted."""
        await asyncio.gather(*self._starting, return_exceptions=True)

    def count_open(self) -> int:
        """Return the connections of this process, or EVEN_UP_TO where there are more."""
        is_open = (each for each in self._open if not each.is_closing())
        count = self._accepted + sum(1 for _ in islice(is_open, EVEN_UP_TO))
        return min(count, EVEN_UP_TO)

    def _wait(self) -> None:
        self._loop.add_reader(self._socket, self._on_readable)

    def _on_readable(self) -> None:
        count = self.count_open() if self._is_shared else EVEN_UP_TO
        if 0 < count < EVEN_UP_TO:
            self._pause(count * self._leave_s, then=count)
        else:
            self._accept(ACCEPTED_A_TURN if count else 1)

    def _pause(self, seconds: float, *, then: int) -> None:
        """Accept nothing for so long, and then so many."""
        self._loop.remove_reader(self._socket)
        self._timer = self._loop.call_later(seconds, self._resume, then)

    def _resume(self, most: int) -> None:
        self._wait()
        self._accept(most)

    def _accept(self, most: int) -> None:
        for _ in range(most):
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in PASSING:
                    continue
                log.error("connections.not_accepted", reason=error.strerror)
                self._pause(REST_S, then=1)
                return
            connection.setblocking(False)
            self._accepted += 1
            task = self._loop.create_task(self._start(connection))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, connection: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(self._new_protocol, connection)
        except OSError:  # the client has gone
            connection.close()
            return
        except BaseException:
            connection.close()
            raise
        finally:
            self._accepted -= 1
        self._open.add(transport)
        if self._is_closed:  # too late to be among those that the server ends
            transport.close()


class ServerLoop(uvloop.Loop):
    """uvloop's event loop, with a `Listener` for each listening socket of a server."""

    shares_sockets = False
    """Whether other processes accept from the same sockets."""

    async def create_server(  # type: ignore[override]  # what uvicorn calls with a socket
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        *,
        sock: socket.socket,
        ssl: None = None,
        backlog: int = 0,
    ) -> Listener:
        """Accept the connections of a socket that listens already."""
        assert ssl is None, "connections are encrypted in front of the services"
        return Listener(self, sock, protocol_factory, is_shared=self.shares_sockets)


class SharingLoop(ServerLoop):
    """The event loop of one of several processes that accept from the same sockets."""

    shares_sockets = True
