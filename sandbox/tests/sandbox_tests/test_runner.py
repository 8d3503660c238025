import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from sandbox import lifetime
from sandbox.errors import SandboxError
from sandbox.ports import free_port
from sandbox.postgres import Postgres
from sandbox.runner import LINE_BYTES, Process, Runner

# A server that answers every GET with its own process id.

pytestmark = pytest.mark.soak

SERVER = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *args): pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
# Runs two servers, says when they are ready, and waits to be killed.
RUNNER = """
import asyncio, sys
from pathlib import Path
from sandbox.runner import Process, Runner
async def ready():
    print("ready", flush=True)
ports = sys.argv[2:]
processes = [
    Process(port, (sys.executable, "-c", sys.argv[1], port), {}, f"http://127.0.0.1:{port}/")
    for port in ports
]
async def main():
    await Runner(processes, folder=Path.cwd(), show=lambda *line: None).run(ready)
asyncio.run(main())
"""


class Lines:
    """Collects what the runner shows."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.seen.append((name, line))


def make_server(name: str) -> Process:
    port = free_port()
    command = (sys.executable, "-c", SERVER, str(port))
    return Process(name, command, dict(os.environ), f"http://127.0.0.1:{port}/")


async def ask_pid(process: Process) -> int:
    assert process.ready_url is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        return int((await client.get(process.ready_url)).text)


async def ask_other_pid(process: Process, than: int) -> int:
    """Ask until another process answers."""
    for _ in range(200):
        try:
            pid = await ask_pid(process)
        except httpx.TransportError:
            pid = than
        if pid != than:
            return pid
        await asyncio.sleep(0.05)
    raise AssertionError("no other process came")


async def until(met: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(lifetime.wait_until, met, timeout_s=30)


def running(runner: Runner, body: Callable[[], Awaitable[None]]) -> Awaitable[None]:
    """Run until `body`, called when all are ready, has ended."""

    async def then_stop() -> None:
        await body()
        runner.stop()

    return runner.run(then_stop)


async def test_processes_are_ready_shown_and_stopped(tmp_path: Path) -> None:
    first, second, lines = make_server("first"), make_server("second"), Lines()
    runner = Runner([first, second], folder=tmp_path, show=lines)
    pids: list[int] = []

    async def body() -> None:
        pids.extend([await ask_pid(first), await ask_pid(second)])

    await running(runner, body)

    assert len(set(pids)) == 2
    assert ("first", "listening") in lines.seen
    assert ("second", "listening") in lines.seen
    assert not any(lifetime.is_alive(pid) for pid in pids)


async def test_killed_process_starts_again_and_the_others_go_on(tmp_path: Path) -> None:
    killed, other, lines = make_server("killed"), make_server("other"), Lines()
    runner = Runner([killed, other], folder=tmp_path, show=lines)
    pids: dict[str, int] = {}

    async def body() -> None:
        pids["killed"], pids["other"] = await ask_pid(killed), await ask_pid(other)
        os.kill(pids["killed"], signal.SIGKILL)
        pids["again"] = await ask_other_pid(killed, pids["killed"])
        pids["other again"] = await ask_pid(other)

    await running(runner, body)

    assert pids["again"] != pids["killed"]
    assert pids["other again"] == pids["other"]
    assert ("killed", "ended (exit code -9); starts again in 0.5 s") in lines.seen
    assert not lifetime.is_alive(pids["again"])


async def test_killed_postgres_starts_again_on_its_port(
    tmp_path: Path, with_cluster: Callable[[Path], Path]
) -> None:
    with Postgres(with_cluster(tmp_path / "postgres")) as server:
        assert server.process is not None
        url, pid = server.url("postgres", "superuser"), server.process.pid
        runner = Runner([], folder=tmp_path, show=Lines(), postgres=server)

        async def body() -> None:
            os.kill(pid, signal.SIGKILL)
            assert await until(
                lambda: (
                    server.process is not None and server.process.pid != pid and server.is_ready()
                )
            )

        await asyncio.wait_for(running(runner, body), 60)

        assert server.url("postgres", "superuser") == url
        assert server.query("postgres", "SELECT 1") == "1"


async def test_process_that_never_starts_ends_the_run_with_one_line(tmp_path: Path) -> None:
    good = make_server("good")
    bad = Process(
        "bad", (sys.executable, "-c", "raise SystemExit(3)"), dict(os.environ), "http://x"
    )
    runner = Runner([good, bad], folder=tmp_path, show=Lines())

    async def never() -> None:
        raise AssertionError("was never ready")

    with pytest.raises(SandboxError, match=r"^bad does not start \(exit code 3\); see its lines"):
        await runner.run(never)

    with pytest.raises(httpx.TransportError):
        await ask_pid(good)


async def test_fault_after_the_start_stops_everything(tmp_path: Path) -> None:
    server = make_server("server")
    runner = Runner([server], folder=tmp_path, show=Lines())

    async def body() -> None:
        raise SandboxError("The seed was refused.")

    with pytest.raises(SandboxError, match="The seed was refused"):
        await runner.run(body)

    with pytest.raises(httpx.TransportError):
        await ask_pid(server)


async def test_second_wish_to_stop_waits_for_nobody(tmp_path: Path) -> None:
    stubborn = Process("stubborn", (sys.executable, "-c", STUBBORN), dict(os.environ))
    runner = Runner([stubborn], folder=tmp_path, show=Lines())

    async def body() -> None:
        await asyncio.sleep(0.5)
        runner.stop()
        asyncio.get_running_loop().call_later(0.2, runner.stop)

    await asyncio.wait_for(runner.run(body), 10)


async def test_line_without_an_end_is_cut(tmp_path: Path) -> None:
    lines = Lines()
    endless = "import time; print('x' * 1_000_000, end='', flush=True); time.sleep(60)"
    server = make_server("server")
    process = Process("endless", (sys.executable, "-c", endless), dict(os.environ))
    runner = Runner([server, process], folder=tmp_path, show=lines)

    async def body() -> None:
        # By how it arrives, up to a cut line is still kept back.
        assert await until(
            lambda: (
                sum(len(line) for name, line in lines.seen if name == "endless")
                >= 1_000_000 - LINE_BYTES
            )
        )

    await asyncio.wait_for(running(runner, body), 20)

    assert max(len(line) for _, line in lines.seen) < 200_000


def start_runner(tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a runner of its own process with two servers; return it and their ids."""
    ports = [free_port(), free_port()]
    started = subprocess.Popen(
        [sys.executable, "-c", RUNNER, SERVER, *map(str, ports)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    pids = [int(httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text) for port in ports]
    return started, pids


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_runner_and_its_children(tmp_path: Path, signum: signal.Signals) -> None:
    started, pids = start_runner(tmp_path)

    started.send_signal(signum)
    _, code = started.communicate(timeout=20), started.returncode

    assert code == 0
    assert not any(lifetime.is_alive(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child its parent died")
def test_children_end_with_a_killed_runner(tmp_path: Path) -> None:
    started, pids = start_runner(tmp_path)

    started.kill()
    started.communicate(timeout=20)

    assert lifetime.wait_until(
        lambda: not any(lifetime.is_alive(pid) for pid in pids), timeout_s=10
    )
