"""How a process of the platform starts."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import httpx
import pytest

from perisai_kit.http.connections.listener import ServerLoop, SharingLoop
from perisai_kit.runtime.tls import get_ssl_context
from perisai_kit.services import serve
from perisai_kit.services.serve import Configuration, raise_file_limit
from perisai_kit.testing.connections import count_by_child, do_all_accept
from sandbox import lifetime
from sandbox.ports import HOST, free_port

COMMAND = (sys.executable, "-m", "perisai_kit")
WAIT_S = 60


@contextmanager
def running(*words: str) -> Iterator[int]:
    process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)


def wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(
                f"http://{HOST}:{port}/health", verify=get_ssl_context(), trust_env=False
            )
            if answer.status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("it does not come up")


def count_fewest(pid: int, port: int, *, connections: int) -> int:
    """Open so many connections, and return how many the process with the fewest accepted."""
    count = partial(count_by_child, pid, port=port)
    assert lifetime.wait_until(lambda: sum(count()) == 0, timeout_s=WAIT_S)
    with ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(socket.create_connection((HOST, port)))
        assert lifetime.wait_until(lambda: sum(count()) == connections, timeout_s=WAIT_S)
        accepted = [each for each in count() if each]
    return min(accepted) if len(accepted) > 1 else 0


@pytest.mark.soak
def test_processes_on_a_port_share_the_connections_of_a_client() -> None:
    port = free_port()
    with running("fakebank", "--port", str(port), "--processes", "2") as pid:
        wait_until_healthy(port)
        is_up = partial(do_all_accept, pid, port=port, processes=2)
        assert lifetime.wait_until(is_up, timeout_s=WAIT_S)
        assert max(count_fewest(pid, port, connections=32) for _ in range(3)) >= 8


def test_what_cannot_start_ends_with_one_line_in_any_number_of_processes() -> None:
    environment = {name: text for name, text in os.environ.items() if "PERISAI" not in name}
    for words in ((), ("--processes", "2")):
        ended = subprocess.run(
            [*COMMAND, "member", "--port", str(free_port()), *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr.startswith("member-service cannot start: ")
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "perisai-serve: there is no process nothing; there are "),
        (
            ["fakebank", "--host", "192.0.2.1"],
            "perisai-serve: 192.0.2.1 port 8000 cannot be",
        ),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        serve.main(words)

    assert str(ended.value.code).startswith(said)


def test_the_command_imports_nothing_of_a_service_before_its_imports_are_shortened() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", "import perisai_kit.__main__, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "perisai_kit.__main__" in listed
    assert not {"structlog", "httpx", "uvicorn", "fastapi", "sqlalchemy"} & set(listed)


def test_the_server_hides_its_name_and_offers_no_other_protocol() -> None:
    configuration = Configuration("sandbox.fakebank.app:create_app", processes=3)

    assert (configuration.server_header, configuration.ws) == (False, "none")
    assert configuration.workers == 3
    assert configuration.proxy_headers is False


@pytest.mark.parametrize(("processes", "loop"), [(1, ServerLoop), (2, SharingLoop)])
def test_processes_on_a_port_leave_connections_to_each_other(
    processes: int, loop: type[ServerLoop]
) -> None:
    configuration = Configuration("sandbox.fakebank.app:create_app", processes=processes)

    assert configuration.get_loop_factory() is loop


def test_connections_stay_below_the_limit_on_open_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        connections = raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert 0 < connections < soft
    assert soft == hard
