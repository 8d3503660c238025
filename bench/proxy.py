"""Measure requests per second through the gateway to a static upstream, beside HAProxy."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from bench.gateway import Gateway, run_gateway, sign_in
from bench.load import THREADS, Load, send_prepared, write_requests
from bench.options import Options
from bench.programs import find_program
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from sandbox.children import run_server
from sandbox.ports import HOST, free_port

FILES = Path(__file__).parent
TARGET = "/v1/members/018f0000-0000-7000-8000-000000000000"
"""A path of member-service, which the static upstream replaces."""
BYTES = 1024
MARK = "static"
WARM_UP_S = 2.0
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def measure(stage: Stage, options: Options) -> Result:
    """Measure `gateway_proxy`. Raises: ProgramMissing without haproxy or nginx."""
    version = _read_version(find_program("haproxy"))
    rounds, client, fastest = [], "", 0.0
    with _run_upstream(stage) as upstream:
        for _ in range(options.rounds):
            ours, theirs, bare = _measure_round(stage, options, upstream)
            if bare.rate <= max(ours.rate, theirs.rate):
                raise BenchError("the static upstream is slower than a proxy in front of it")
            rounds.append(Round(ours.rate, theirs.rate))
            client, fastest = ours.client, bare.rate
    return build_result("gateway_proxy", rounds, _describe(options, client, version, fastest))


def _measure_round(stage: Stage, options: Options, upstream: int) -> tuple[Load, Load, Load]:
    """Return the load through the gateway, through HAProxy, and directly at the upstream."""
    address = f"http://{HOST}:{upstream}"
    processes = options.gateway_processes
    variables = {"PERISAI_MEMBER_URL": address}
    with run_gateway(stage, processes=processes, variables=variables) as gateway:
        # An administrator may call every path; the gateway leaves visibility to the service.
        token = sign_in(stage, gateway, "admin")
        key = stage.folder / "gateway-public.pem"
        key.write_bytes(gateway.public_key(token))
        prefix = _prepare(stage, token)
        ours = _send(stage, gateway.port, prefix, options)
    with _run_haproxy(stage, gateway, key, threads=processes, upstream=upstream) as port:
        _check_tokens_are_verified(stage, port)
        theirs = _send(stage, port, prefix, options)
    return ours, theirs, _send(stage, upstream, prefix, options)


def _send(stage: Stage, port: int, prefix: Path, options: Options) -> Load:
    for seconds in (WARM_UP_S, options.seconds):
        load = send_prepared(port, prefix, seconds=seconds, expected=MARK, again=True)
    return load


def _prepare(stage: Stage, token: str) -> Path:
    prefix = stage.folder / "requests"
    pair = (build_request("GET", token), build_request("POST", token))
    write_requests(prefix, ((thread, raw) for thread in range(THREADS) for raw in pair))
    return prefix


def build_request(method: str, token: str) -> bytes:
    """Return a raw GET, or a raw POST of 1 kB."""
    body = pad("sent") if method == "POST" else b""
    lines = [
        f"{method} {TARGET} HTTP/1.1",
        "Host: api.perisai.example",
        f"Authorization: Bearer {token}",
        "Accept: application/json",
        "Accept-Language: id",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def pad(mark: str) -> bytes:
    """Return 1 kB of JSON that contains a mark."""
    start, end = f'{{"{mark}": "', '"}'
    return f"{start}{'x' * (BYTES - len(start) - len(end))}{end}".encode()


@contextmanager
def _run_upstream(stage: Stage) -> Iterator[int]:
    port = free_port()
    config = stage.folder / "nginx.conf"
    answer = pad(MARK).decode()
    _fill("nginx.conf", config, folder=stage.folder, port=port, answer=answer)
    with run_server(
        [find_program("nginx"), "-c", str(config), "-e", str(stage.folder / "nginx.error.log")],
        environment=PATH,
        log=stage.folder / "nginx.log",
        ready_url=f"http://{HOST}:{port}/",
    ):
        yield port


@contextmanager
def _run_haproxy(
    stage: Stage, gateway: Gateway, key: Path, *, threads: int, upstream: int
) -> Iterator[int]:
    port, health = free_port(), free_port()
    config = stage.folder / "haproxy.cfg"
    _fill(
        "haproxy.cfg",
        config,
        threads=threads,
        port=port,
        health=health,
        upstream=upstream,
        key=key,
        issuer=gateway.url,
    )
    with run_server(
        [find_program("haproxy"), "-db", "-f", str(config)],
        environment=PATH,
        log=stage.folder / "haproxy.log",
        ready_url=f"http://{HOST}:{health}/",
    ):
        yield port


def _check_tokens_are_verified(stage: Stage, port: int) -> None:
    """Check that HAProxy refuses an unsigned token. Raises: BenchError."""
    prefix = stage.folder / "unsigned"
    head, body, _ = ["e30", "e30", "e30"]
    raw = build_request("GET", f"{head}.{body}.AAAA")
    write_requests(prefix, ((thread, raw) for thread in range(THREADS)))
    try:
        send_prepared(port, prefix, seconds=1, expected=MARK, again=True)
    except BenchError as error:
        if "wrong answers, the first: 401" in str(error):
            return
    raise BenchError("HAProxy does not check tokens")


def _fill(name: str, path: Path, **values: object) -> None:
    text = Template((FILES / name).read_text()).substitute(values)
    path.touch(mode=0o644)
    path.write_text(text)


def _read_version(haproxy: str) -> str:
    done = subprocess.run([haproxy, "-v"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split()[:3])


def _describe(options: Options, client: str, version: str, fastest: float) -> str:
    return (
        f"gateway in {options.gateway_processes} process(es), GET and POST of 1 kB in turns with"
        f" one token (ES256), {client}, {options.label}; yardstick: {version} checking the same"
        f" token, nbthread {options.gateway_processes}; static upstream: nginx, 1 worker,"
        f" {fastest:,.0f} requests/s by itself"
    )
