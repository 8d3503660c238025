"""The runner of the platform's processes: start, restart, stop, and show their output."""

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.children import Fork, is_answering, start_options
from sandbox.errors import SandboxError
from sandbox.postgres import Postgres

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_TIMEOUT_S = 120.0
"""Five processes start at once, which takes long on a busy machine with two cores."""
READY_POLL_S = 0.1
START_ATTEMPTS = 4
"""A process that ends so often before it was ready is not restarted again."""
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
STEADY_S = 30.0
"""A process that ran so long is restarted with the shortest delay."""
STOP_TIMEOUT_S = 15.0
LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Process:
    """A command, and the address that returns 200 when the process is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str | None = None


@dataclass(slots=True)
class _Child:
    process: Process
    handle: asyncio.subprocess.Process | None = None
    was_ready: bool = False
    keeper: asyncio.Task[None] | None = None


class Runner:
    """Runs the processes until SIGINT, SIGTERM or SIGHUP; they stop in the given order.

    Use it in the main thread, so that the kernel ends the children if this process is killed.
    PostgreSQL is watched and restarted, but the caller starts and stops it.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        *,
        folder: Path,
        show: Callable[[str, str], None],
        postgres: Postgres | None = None,
        when_stopping: Callable[[], None] = lambda: None,
        fork: Fork | None = None,
    ) -> None:
        """folder: where the processes work.

        show: gets the name of a process and a line of its output.
        when_stopping: called once, before the first process is stopped.
        fork: starts the processes as forks of this one, instead of by their commands; asyncio's
            own event loop does so, uvloop does not.
        """
        self._children = [_Child(process) for process in processes]
        self._folder = folder
        self._show = show
        self._postgres = postgres
        self._when_stopping = when_stopping
        self._fork = fork
        self._stopping = asyncio.Event()

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start everything, call `when_ready` once all are, and return when stopped.

        Raises: SandboxError when a process cannot be started, or whatever `when_ready` raises;
        in any case all processes have ended.
        """
        loop = asyncio.get_running_loop()
        for signum in STOP_SIGNALS:
            loop.add_signal_handler(signum, self.stop)
        for child in self._children:
            child.keeper = asyncio.create_task(self._keep(child))
        serving = asyncio.create_task(self._serve(when_ready))
        tasks = [serving, *(child.keeper for child in self._children if child.keeper)]
        if self._postgres is not None:
            tasks.append(asyncio.create_task(self._keep_postgres(self._postgres)))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._stopping.set()
            self._when_stopping()
            serving.cancel()
            await self._stop_all()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            for signum in STOP_SIGNALS:
                loop.remove_signal_handler(signum)

    def stop(self) -> None:
        """Ask `run` to stop everything and return; asked twice, it waits for nobody."""
        if self._stopping.is_set():
            for child in self._children:
                _signal(child, signal.SIGKILL)
        self._stopping.set()

    async def _serve(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        await asyncio.gather(*(self._wait_ready(each) for each in self._children))
        if not self._stopping.is_set():
            await when_ready()
        await self._stopping.wait()

    async def _wait_ready(self, child: _Child) -> None:
        url = child.process.ready_url
        began = time.monotonic()
        deadline = began + READY_TIMEOUT_S
        while url is not None and not await asyncio.to_thread(is_answering, url):
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{child.process.name} is not ready after {READY_TIMEOUT_S:.0f} s."
                )
            if await self._stops_within(READY_POLL_S):
                return
        child.was_ready = True
        self._show(child.process.name, f"is ready after {time.monotonic() - began:.1f} s")

    async def _keep(self, child: _Child) -> None:
        """Start the process, and restart it whenever it ends, until the runner stops."""
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._live(child)
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - began > STEADY_S else failures + 1
            if failures >= START_ATTEMPTS and not child.was_ready:
                raise SandboxError(
                    f"{child.process.name} does not start (exit code {code}); see its lines above."
                )
            await self._pause(child.process.name, code, failures)

    async def _live(self, child: _Child) -> int:
        """Run the process once; return its exit code."""
        command, environment = child.process.command, child.process.environment
        child.handle = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            **start_options(
                signal.SIGKILL, partial(self._fork, command, environment) if self._fork else None
            ),
        )
        if self._stopping.is_set():
            _signal(child, signal.SIGTERM)
        assert child.handle.stdout is not None
        pump = asyncio.create_task(self._pump(child.process.name, child.handle.stdout))
        code = await child.handle.wait()
        await asyncio.wait([pump], timeout=1)
        pump.cancel()
        return code

    async def _pump(self, name: str, stream: asyncio.StreamReader) -> None:
        """Show the lines of a process; a too long line is cut."""
        rest = b""
        while chunk := await stream.read(LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._show(name, line.decode(errors="replace").rstrip())
        if rest:
            self._show(name, rest.decode(errors="replace"))

    async def _keep_postgres(self, postgres: Postgres) -> None:
        failures = 0
        while not await self._stops_before(postgres.process):
            failures += 1
            code = None if postgres.process is None else postgres.process.returncode
            await self._pause("postgres", code, failures)
            try:
                await asyncio.to_thread(postgres.prepare)
                postgres.spawn()
                await asyncio.to_thread(postgres.wait_ready)
                failures = 0
            except SandboxError as error:
                self._show("postgres", str(error))

    async def _stops_before(self, process: subprocess.Popen[bytes] | None) -> bool:
        """Wait until the runner must stop or the process has ended; return whether it must stop."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wait() -> None:
            if process is not None:
                process.wait()
            with suppress(RuntimeError):  # the runner and its loop have stopped
                loop.call_soon_threadsafe(ended.set)

        # No thread of a pool, because a pool waits for its threads.
        threading.Thread(target=wait, daemon=True).start()
        waits = [asyncio.create_task(each.wait()) for each in (self._stopping, ended)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        return self._stopping.is_set()

    async def _pause(self, name: str, code: int | None, failures: int) -> None:
        delay_s = min(FIRST_DELAY_S * 2 ** min(failures - 1, 10), LONGEST_DELAY_S)
        self._show(name, f"ended (exit code {code}); starts again in {delay_s:g} s")
        await self._stops_within(delay_s)

    async def _stops_within(self, timeout_s: float) -> bool:
        """Wait until the runner must stop, or for the time-out; return whether it must stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def _stop_all(self) -> None:
        """Stop the first process, the gateway, and then the others together."""
        for group in (self._children[:1], self._children[1:]):
            for child in group:
                _signal(child, signal.SIGTERM)
            keepers = [child.keeper for child in group if child.keeper]
            if not keepers:
                continue
            _, late = await asyncio.wait(keepers, timeout=STOP_TIMEOUT_S)
            for child in group:
                if child.keeper in late:
                    self._show(child.process.name, "does not stop; it is ended")
                    _signal(child, signal.SIGKILL)
            if late:
                await asyncio.wait(late)


def _signal(child: _Child, signum: signal.Signals) -> None:
    if child.handle is not None and child.handle.returncode is None:
        child.handle.send_signal(signum)
