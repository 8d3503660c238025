"""Lives of the worker of payouts, one after the other: begin, wait for the kill, end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from stage.paying_payees import PAYEES_FILE
from stage.paying_worker import Life, Step

from sandbox import lifetime

LOG_FILE = "worker.log"
STOP_S = 60.0


class Lives:
    """Begins processes of the worker with the same settings. At most one lives at a time."""

    def __init__(
        self,
        nursery: asyncio.subprocess.Process,
        settings: dict[str, Any],
        folder: Path,
        *,
        pause_s: float,
    ) -> None:
        self._nursery = nursery
        self._settings = settings
        self._folder = folder
        self._pause_s = pause_s
        self._pid = 0

    async def begin(self, kill_at: tuple[Step, int] | None = None) -> None:
        """Begin a life that ends at a step, if it gets there."""
        life = Life(
            settings=self._settings,
            payees=self._folder / PAYEES_FILE,
            log=self._folder / LOG_FILE,
            pause_s=self._pause_s,
            kill_at=kill_at,
        )
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(f"{life.model_dump_json()}\n".encode())
        self._pid = (await self._read())["pid"]

    async def wait(self) -> None:
        """Wait until the life is killed, by itself or by `kill`."""
        ended = await self._read()
        assert ended["signal"] == signal.SIGKILL, "a worker has ended that nobody ended"

    def kill(self) -> None:
        """Kill the life now; `wait` returns then."""
        self._send(signal.SIGKILL)

    def be_patient(self) -> None:
        """Let the life wait for the bank as long as we do in production. It must work already."""
        self._send(signal.SIGUSR1)

    async def stop(self) -> None:
        """Let the worker finish what it does, and end."""
        self._send(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            await self._read()

    def _send(self, signum: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signum)

    async def _read(self) -> dict[str, Any]:
        assert self._nursery.stdout is not None
        line = await self._nursery.stdout.readline()
        assert line, "the nursery of workers has ended"
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def worker_lives(
    settings: dict[str, Any], folder: Path, *, pause_s: float
) -> AsyncIterator[Lives]:
    """Start the process that forks lives. folder: of the payees' file and of what is logged.

    pause_s: of the worker between two rounds.
    """
    nursery = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "stage.paying_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        preexec_fn=lifetime.die_with_parent(signal.SIGKILL),
    )
    try:
        yield Lives(nursery, settings, folder, pause_s=pause_s)
    finally:
        assert nursery.stdin is not None
        nursery.stdin.close()
        with suppress(ProcessLookupError):
            nursery.kill()
        await nursery.wait()
