"""`perisai doctor`: checks of a sandbox, each failure with a remedy."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.services.operators.access import get_operations_prefix
from sandbox.asking import fetch_token
from sandbox.environment import CLOCK_FILE
from sandbox.errors import SandboxError
from sandbox.furnish import DESCRIPTION_FILE
from sandbox.ports import is_free
from sandbox.postgres import FREE_BYTES
from sandbox.services import Service
from sandbox.show import read_description

TIMEOUT_S = 5.0
CLOCK_TOLERANCE_S = 5.0
LAG_S = 60.0
"""A subscription without events to read polls every twenty seconds."""
START = "start it with `make run`"
LOOK = "look into {folder}/logs/{name}.log"

Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. to_do: the remedy of a failure."""

    what: str
    says: str
    to_do: str = ""

    @property
    def is_well(self) -> bool:
        return not self.to_do

    @property
    def line(self) -> str:
        mark = "ok   " if self.is_well else "FAULT"
        return f"{mark} {self.what}: {self.says}{f'; {self.to_do}' if self.to_do else ''}"


def examine(folder: Path, services: Sequence[Service]) -> list[Finding]:
    """Run all checks; some only apply to a running sandbox."""
    found = [examine_disk(folder, free_bytes=_free_bytes(folder)), examine_clock(folder)]
    if not (folder / DESCRIPTION_FILE).exists():
        return [*found, *examine_ports(services), Finding("sandbox", "does not run", START)]
    described = read_description(folder)
    found += examine_processes(folder, described, services, ask=_ask)
    found += asyncio.run(examine_databases(described))
    try:
        token = fetch_token(described, "admin")
    except (SandboxError, httpx.TransportError) as error:
        why = str(error) or type(error).__name__
        return [*found, Finding("sign-in", why, LOOK.format(folder=folder, name="gateway"))]

    def ask_status(url: str) -> Any:
        return _ask(url, {"Authorization": f"Bearer {token}"})

    return [*found, *examine_subscriptions(folder, described, services, ask=ask_status)]


def examine_disk(folder: Path, *, free_bytes: int) -> Finding:
    """Check the free disk space for PostgreSQL."""
    says = f"{free_bytes // 2**20} MB free for {folder}"
    return Finding("disk", says, "make room" if free_bytes < FREE_BYTES else "")


def examine_clock(folder: Path) -> Finding:
    """Report business time. A moved clock is not a failure, but explains a lot."""
    clock.follow_test_clock(folder / CLOCK_FILE, sandbox=True)
    now = clock.now().astimezone(JAKARTA).isoformat(timespec="seconds")
    moved = abs((clock.now() - clock.real_now()).total_seconds()) > CLOCK_TOLERANCE_S
    return Finding("clock", f"{now} (test clock; `perisai clock reset`)" if moved else now)


def examine_ports(services: Sequence[Service]) -> Iterator[Finding]:
    """Check that the ports of the processes are free."""
    for service in services:
        for variable, port in service.port_variables.items():
            is_taken = not is_free(int(port))
            to_do = f"stop what uses it, or choose another one with {variable}" if is_taken else ""
            yield Finding(f"port {port}", "is taken" if is_taken else "is free", to_do)


def examine_processes(
    folder: Path,
    described: Described,
    services: Sequence[Service],
    *,
    ask: Callable[[str], Any],
) -> Iterator[Finding]:
    """Check which processes are ready, and what the others lack.

    ask: returns the JSON answer of an address, or None without an answer.
    """
    for service in services:
        inner = described.get("inner_addresses", described["addresses"])[service.name]
        ready = ask(f"{inner}/ready/details" if service.database else f"{inner}{service.ready}")
        look = LOOK.format(folder=folder, name=service.name)
        if ready is None:
            yield Finding(service.name, f"does not answer at {inner}", f"{look}, or {START}")
            continue
        lacking = [name for name, is_there in ready.items() if is_there is False]
        says = f"lacks its {', '.join(lacking)}" if lacking else "is ready"
        yield Finding(service.name, says, look if lacking else "")


async def examine_databases(described: Described) -> list[Finding]:
    """Check that each role can connect to its database, and that the clocks agree."""
    return [
        await _examine_database(name, urls["app"])
        for name, urls in described.get("databases", {}).items()
    ]


async def _examine_database(name: str, url: str) -> Finding:
    what = f"database {name}"
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT_S)
        try:
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return Finding(what, f"does not answer ({type(error).__name__})", START)
    apart = abs((now - clock.real_now()).total_seconds())
    if apart > CLOCK_TOLERANCE_S:
        return Finding(what, f"its clock is {apart:.0f} s from ours", "set the clocks by NTP")
    return Finding(what, "answers")


def examine_subscriptions(
    folder: Path,
    described: Described,
    services: Sequence[Service],
    *,
    ask: Callable[[str], Any],
) -> Iterator[Finding]:
    """Check the lag of each subscription, and report parked events.

    ask: as for `examine_processes`, signed in.
    """
    for service in (each for each in services if each.database):
        answer = ask(f"{described['addresses'][service.name]}/v1/status")
        if answer is None:
            continue  # already reported for its process
        for each in answer["subscriptions"]:
            yield _examine_subscription(folder, service.name, each)


def _examine_subscription(folder: Path, service: str, status: Mapping[str, Any]) -> Finding:
    what, lag_s = f"subscription {status['name']}", status["lag_s"]
    if status["parked"]:
        path = f"{get_operations_prefix(service)}/parked-events"
        says = f"{status['parked']} events are parked"
        return Finding(what, says, f"see GET {path}, then replay or dismiss them")
    if lag_s is None or lag_s > LAG_S:
        said = "has never read everything" if lag_s is None else f"is {lag_s:.0f} s behind"
        return Finding(what, said, LOOK.format(folder=folder, name=service))
    return Finding(what, f"had read everything {lag_s:.0f} s ago")


def _free_bytes(folder: Path) -> int:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def _ask(url: str, headers: Mapping[str, str] | None = None) -> Any:
    try:
        answer = httpx.get(url, headers=headers, trust_env=False, timeout=TIMEOUT_S)
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None
