"""`perisai run`: the whole platform on one machine, in one folder."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sandbox.environment import (
    CLOCK_FILE,
    FAKEBANK_FILE,
    build_environment,
    database_url,
    migration_environment,
)
from sandbox.errors import SandboxError
from sandbox.ports import is_free
from sandbox.postgres import Postgres
from sandbox.runner import Process, Runner
from sandbox.seed import SIGN_INS, seed
from sandbox.services import ROOT, Service
from sandbox.vault import Secrets, load_bank_keys, load_secrets, write_private_json

DESCRIPTION_FILE = "sandbox.json"


def run(
    folder: Path,
    services: Sequence[Service],
    *,
    show: Callable[[str, str], None],
    when_ready: Callable[[dict[str, Any]], None],
) -> None:
    """Run the platform until told to stop; PostgreSQL stops last.

    show: takes a name and a line that it said. when_ready: takes what sandbox.json says.
    Raises: SandboxError, with everything stopped again.
    """
    signal.signal(signal.SIGTERM, _leave)
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)
    with Postgres(folder / "postgres", port=_postgres_port()) as postgres:
        check_ports(services)
        show("sandbox", f"PostgreSQL answers on port {postgres.port}")
        migrate(services, postgres)
        show("sandbox", "the databases are migrated")
        try:
            _run_services(folder, services, postgres, show=show, when_ready=when_ready)
        finally:
            (folder / DESCRIPTION_FILE).unlink(missing_ok=True)


def check_ports(services: Sequence[Service]) -> None:
    """Raises: SandboxError when a port that is needed is taken."""
    for service in services:
        if not is_free(service.port):
            raise SandboxError(
                f"Port {service.port} is taken, so {service.name} cannot start: "
                f"choose another one with {service.prefix}PORT."
            )


def migrate(services: Sequence[Service], postgres: Postgres) -> None:
    """Bring all databases to their newest form, side by side.

    Raises: SandboxError with the last line of a migration that failed.
    """
    running = [(each, _start_migration(each, postgres)) for each in services if each.database]
    for service, process in running:
        if process is None:
            continue
        _, said = process.communicate()
        if process.returncode != 0:
            last = (said.strip().splitlines() or ["no reason given"])[-1]
            raise SandboxError(f"The database of {service.name} could not be migrated: {last}")


def _start_migration(service: Service, postgres: Postgres) -> subprocess.Popen[str] | None:
    url = database_url(service, postgres, "owner")
    if url is None or service.alembic is None or service.database is None:
        return None
    postgres.ensure_database(service.database)
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", "-c", str(service.alembic), "upgrade", "head"],
        cwd=ROOT,
        env=migration_environment(service, url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run_services(
    folder: Path,
    services: Sequence[Service],
    postgres: Postgres,
    *,
    show: Callable[[str, str], None],
    when_ready: Callable[[dict[str, Any]], None],
) -> None:
    secrets, keys = load_secrets(folder), load_bank_keys(folder)
    environments = {
        each.name: build_environment(
            each, services, secrets=secrets, postgres=postgres, folder=folder
        )
        for each in services
    }
    processes = [
        Process(each.name, each.arguments, environments[each.name], f"{each.url}{each.ready}")
        for each in services
    ]
    urls = {each.name: each.url for each in services}

    async def finish() -> None:
        partners = await seed(
            urls["gateway"],
            secrets=secrets,
            keys=keys,
            bank_url=urls["fakebank"],
            gateway_environment=environments["gateway"],
        )
        write_private_json(folder / FAKEBANK_FILE, {"partners": partners})
        description = describe(folder, services, postgres, secrets, partners)
        write_private_json(folder / DESCRIPTION_FILE, description)
        when_ready(description)

    async def main() -> None:
        runner = Runner(processes, folder=ROOT, show=show, postgres=postgres)
        await runner.run(finish)

    asyncio.run(main())


def describe(
    folder: Path,
    services: Sequence[Service],
    postgres: Postgres,
    secrets: Secrets,
    partners: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return what a client must know to use this platform, secrets included."""
    return {
        "addresses": {each.name: each.url for each in services},
        "folder": str(folder),
        "clock_file": str(folder / CLOCK_FILE),
        "sign_ins": [
            {
                "role": each.role,
                "username": each.username,
                "password": secrets.passwords[each.username],
                "scope": each.scope,
            }
            for each in SIGN_INS
        ],
        "codes": {
            "about": "Members and agents sign in with a code; the sandbox keeps it to be read.",
            "request": "/v1/auth/otp",
            "read": "/v1/sandbox/otp-outbox",
        },
        "bank_partners": list(partners),
        "databases": {
            each.database: {role: database_url(each, postgres, role) for role in ("app", "owner")}
            for each in services
            if each.database
        },
    }


def _postgres_port() -> int | None:
    text = os.environ.get("PERISAI_POSTGRES_PORT", "").strip()
    if not text:
        return None
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise SandboxError(f"PERISAI_POSTGRES_PORT is {text!r}, which is no port.")
    return int(text)


def _leave(*_: object) -> None:
    """Turn SIGTERM before the runner listens into an orderly end."""
    raise SystemExit(128 + signal.SIGTERM)
