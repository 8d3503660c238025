"""`perisai-serve NAME`: one process of the platform, or with `--worker` its background work.

The names: processes.py. The command itself: perisai_kit/__main__.py.
"""

import argparse
import asyncio
import gc
import resource
import socket
import sys
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from types import FrameType

import uvicorn
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess

from perisai_kit.http.connections.listener import ServerLoop, SharingLoop
from perisai_kit.http.connections.watch import ConnectionLimits
from perisai_kit.http.protocol import ServerProtocol
from perisai_kit.services.processes import find_process
from perisai_kit.services.worker import run_standalone

GRACEFUL_S = 8
"""How long requests under way may take when the process stops."""
START_S = 120
"""A process that does not answer its parent for so long is restarted. It cannot answer during its
imports, which on a busy machine take longer than uvicorn's 5 s."""
BACKLOG = 2048
RESERVED_FILES = 512
"""File descriptors kept for connections to databases and services, and for files."""
COLLECT_AFTER = (20_000, 10, 10)
"""The collector's thresholds. Its own, 700 first, took a twentieth of the time of busy services."""


class Configuration(uvicorn.Config):
    """The server configuration of every process. Several processes on one port each load it."""

    def __init__(self, app: str, *, inner_ports: Sequence[int] = (), processes: int = 1) -> None:
        """app: `module:factory`. inner_ports: ports that are not public."""
        super().__init__(
            app,
            factory=True,
            http="perisai_kit.http.protocol:ServerProtocol",
            ws="none",
            server_header=False,
            proxy_headers=False,  # services decide which X-Forwarded-For to trust
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=GRACEFUL_S,
            reset_contextvars=True,  # requests on one connection are independent
            workers=processes,
            timeout_worker_healthcheck=START_S,
        )
        self._inner_ports = frozenset(inner_ports)

    def get_loop_factory(self) -> Callable[[], ServerLoop]:
        """Return what makes the event loop of a process."""
        return SharingLoop if self.workers > 1 else ServerLoop

    def load(self) -> None:
        """Load the app and set the limits of the protocol for this process."""
        ServerProtocol.limits = ConnectionLimits(connections=raise_file_limit())
        ServerProtocol.inner_ports = self._inner_ports
        gc.disable()  # imports leave no garbage, and the search for it takes a fifth of a start
        super().load()
        _keep_what_is_loaded()


class DatedState(ServerState):
    """uvicorn's state of a server, which writes the Date field when an answer needs it."""

    def __init__(self, config: uvicorn.Config, *, now: Callable[[], float] = time.time) -> None:
        """now: seconds since 1970."""
        self._config = config
        self._now = now
        self._second = -1
        self._headers: list[tuple[bytes, bytes]] = []
        super().__init__()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer of this second."""
        second = int(self._now())
        if second != self._second:
            date = formatdate(second, usegmt=True).encode()
            self._headers = [(b"date", date), *self._config.encoded_headers]
            self._second = second
        return self._headers

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """Ignore what uvicorn sets at the start."""


class Server(uvicorn.Server):
    """uvicorn's server, which does not wake an idle process. uvicorn's wakes it every 100 ms."""

    def __init__(self, config: Configuration) -> None:
        super().__init__(config)
        self.server_state = DatedState(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_asked_to_exit = asyncio.Event()

    async def main_loop(self) -> None:
        """Wait until the server must exit."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._is_asked_to_exit.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_asked_to_exit.set)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; exit with one line and code 1 if it cannot start."""
    options = _parse(arguments)
    if options.worker:
        create_worker = find_process(f"{options.name}-worker").load()
        _keep_what_is_loaded()
        run_standalone(create_worker)
        return
    app = find_process(options.name).value
    inner_ports = [] if options.inner_port is None else [options.inner_port]
    sockets = [_listen(options.host, port) for port in (options.port, *inner_ports)]
    configuration = Configuration(app, inner_ports=inner_ports, processes=options.processes)
    if options.processes > 1:
        Configuration(app).load()  # a process that cannot start says so here, once
        Multiprocess(configuration, sockets=sockets).run()
    else:
        Server(configuration).run(sockets=sockets)


def _keep_what_is_loaded() -> None:
    """Turn the garbage collector on, without the objects of the app, which live for ever.

    Otherwise each full collection would scan them and delay a payment by about 30 ms.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()


def raise_file_limit() -> int:
    """Raise the limit on open files; return the number of connections that fit below it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ConnectionLimits().connections
    files = most + RESERVED_FILES if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return min(most, max(files - RESERVED_FILES, files // 2))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="perisai-serve", description=__doc__)
    parser.add_argument("name", help="such as gateway")
    parser.add_argument("--worker", action="store_true", help="background work instead of requests")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--inner-port", type=int, help="for metrics, details of readiness, feeds")
    parser.add_argument("--processes", type=int, default=1, help="so many share the ports")
    return parser.parse_args(arguments)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"perisai-serve: {host} port {port} cannot be used: {error.strerror}.")
