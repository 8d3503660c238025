"""`perisai run`: the whole platform on one machine, in one folder."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.children import Fork
from sandbox.clock_moves import announce_moves
from sandbox.databases import keep_partitions, migrate
from sandbox.environment import CLOCK_FILE, build_environment, find_database_url
from sandbox.errors import SandboxError
from sandbox.folder import POSTGRES, prepare_folder
from sandbox.furnish import DESCRIPTION_FILE as DESCRIPTION_FILE
from sandbox.furnish import furnish
from sandbox.ports import is_free
from sandbox.postgres import Postgres
from sandbox.rotate import DATA_KEY_IDS, first_key_ids
from sandbox.runner import Process, Runner
from sandbox.services import ROOT, Service
from sandbox.vault import Secrets, load_secrets, write_private_json


def run(
    folder: Path,
    services: Sequence[Service],
    *,
    show: Callable[[str, str], None],
    when_ready: Callable[[dict[str, Any]], Awaitable[None]],
    when_stopping: Callable[[], None] = lambda: None,
    stay: bool = True,
    small: bool = False,
    fork: Fork | None = None,
) -> None:
    """Run the platform until it is stopped; PostgreSQL stops last.

    show: gets the name of a process and a line of its output. when_ready: gets sandbox.json.
    when_stopping: called before the first process is stopped. stay: False stops when
    `when_ready` has returned. small: a new sandbox gets one agent and one member, and no history.
    fork: starts the services as forks of this process, instead of by their commands.
    Raises: SandboxError, with everything stopped again.
    """
    signal.signal(signal.SIGTERM, _leave)
    folder = folder.absolute()
    prepare_folder(folder)
    show("sandbox", "starting PostgreSQL")
    with Postgres(folder / POSTGRES, port=_postgres_port()) as postgres:
        # Only now is the folder locked; a killed run leaves its description behind.
        (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
        check_ports(services)
        show("sandbox", f"PostgreSQL answers on port {postgres.port}")
        show("sandbox", "migrating the databases")
        migrate(services, postgres)
        show("sandbox", f"starting {', '.join(each.name for each in services)}")
        try:
            _run_services(
                folder,
                services,
                postgres,
                show=show,
                when_ready=when_ready,
                when_stopping=when_stopping,
                stay=stay,
                small=small,
                fork=fork,
            )
        finally:
            (folder / DESCRIPTION_FILE).unlink(missing_ok=True)


def check_ports(services: Sequence[Service]) -> None:
    """Check that every port is free. Raises: SandboxError."""
    for service in services:
        for variable, port in service.port_variables.items():
            if not is_free(int(port)):
                raise SandboxError(
                    f"Port {port} is taken, so {service.name} cannot start: "
                    f"choose another one with {variable}."
                )


def _run_services(
    folder: Path,
    services: Sequence[Service],
    postgres: Postgres,
    *,
    show: Callable[[str, str], None],
    when_ready: Callable[[dict[str, Any]], Awaitable[None]],
    when_stopping: Callable[[], None],
    stay: bool,
    small: bool,
    fork: Fork | None,
) -> None:
    secrets = load_secrets(folder)
    environments = _environments(folder, services, postgres, secrets)
    processes = [
        Process(each.name, each.arguments, environments[each.name], f"{each.url}{each.ready}")
        for each in services
    ]
    runner = Runner(
        processes,
        folder=ROOT,
        show=show,
        postgres=postgres,
        when_stopping=when_stopping,
        fork=fork,
    )

    async def finish() -> None:
        description = await furnish(
            folder,
            addresses={each.name: each.url for each in services},
            gateway_environment=environments["gateway"],
            small=small,
            write=partial(show, "sandbox"),
        )
        description["inner_addresses"] = {each.name: each.inner_url for each in services}
        description["databases"] = _databases(services, postgres)
        description[DATA_KEY_IDS] = first_key_ids(secrets)
        write_private_json(folder / DESCRIPTION_FILE, description)
        await when_ready(description)
        if not stay:
            runner.stop()

    background = _list_background(folder, services, postgres, say=partial(show, "sandbox"))
    asyncio.run(_run_beside(background, runner.run(finish)))


def _list_background(
    folder: Path, services: Sequence[Service], postgres: Postgres, *, say: Callable[[str], None]
) -> list[Coroutine[Any, Any, None]]:
    urls = [each["app"] for each in _databases(services, postgres).values()]
    running = {
        "the making of partitions": keep_partitions(services, postgres, show=say),
        "the announcing of moved clocks": announce_moves(folder / CLOCK_FILE, urls),
    }
    return [_show_failure(name, each, say) for name, each in running.items()]


async def _show_failure(
    name: str, running: Coroutine[Any, Any, None], say: Callable[[str], None]
) -> None:
    try:
        await running
    except Exception as error:  # noqa: BLE001 - the platform runs on without it
        say(f"{name} has ended: {type(error).__name__}")


async def _run_beside(
    background: Sequence[Coroutine[Any, Any, None]], foreground: Coroutine[Any, Any, None]
) -> None:
    """Run all; what runs in the background ends with the other."""
    tasks = [asyncio.create_task(each) for each in background]
    try:
        await foreground
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _environments(
    folder: Path, services: Sequence[Service], postgres: Postgres, secrets: Secrets
) -> dict[str, dict[str, str]]:
    return {
        each.name: build_environment(
            each,
            services,
            secrets=secrets,
            database_url=find_database_url(each, postgres, "app"),
            folder=folder,
        )
        for each in services
    }


def _databases(services: Sequence[Service], postgres: Postgres) -> dict[str, Any]:
    return {
        each.database: {role: find_database_url(each, postgres, role) for role in ("app", "owner")}
        for each in services
        if each.database
    }


def _postgres_port() -> int | None:
    text = os.environ.get("PERISAI_POSTGRES_PORT", "").strip()
    if not text:
        return None
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise SandboxError(f"PERISAI_POSTGRES_PORT is {text!r}, which is no port.")
    return int(text)


def _leave(*_: object) -> None:
    """Stop cleanly after a SIGTERM that comes before the runner handles it."""
    raise SystemExit(128 + signal.SIGTERM)
