"""The databases of a sandbox: migrated at the start, with partitions made while it runs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from perisai_kit.services.processes import find_head, find_migrations
from sandbox.children import start_options
from sandbox.environment import find_database_url
from sandbox.errors import SandboxError
from sandbox.postgres import Postgres
from sandbox.services import ROOT, Service

PROGRAM = (sys.executable, "-m", "perisai_kit.services.migrate")
FIRST_PARTITIONS_S = 60.0
"""After the start, which should have the processor for itself."""
PARTITIONS_EVERY_S = 3600.0


def migrate(services: Sequence[Service], postgres: Postgres) -> None:
    """Migrate all databases, and make their partitions.

    Raises: SandboxError with the error of a failed migration.
    """
    owners = {}
    for name, (service, url) in find_owners(services, postgres).items():
        assert service.database is not None
        postgres.ensure_database(service.database)
        if url != postgres.url(service.database, "owner") or not _is_migrated(service, postgres):
            owners[name] = (service, url)
    if not owners:
        return
    done = subprocess.run(
        [*PROGRAM, *owners],
        cwd=ROOT,
        env=_environment(owners),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SandboxError(_last_line(done.stderr) or "A migration failed.")


async def keep_partitions(
    services: Sequence[Service],
    postgres: Postgres,
    *,
    show: Callable[[str], None],
    first_s: float = FIRST_PARTITIONS_S,
) -> None:
    """Make the partitions of all databases that are missing, every hour until cancelled.

    first_s: seconds until the first time. show: gets a line where it fails.
    """
    owners = find_owners(services, postgres)
    pause_s = first_s
    while owners:
        await asyncio.sleep(pause_s)
        making = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "--only-partitions",
            *owners,
            cwd=ROOT,
            env=_environment(owners),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **start_options(signal.SIGTERM),
        )
        try:
            _, errors = await making.communicate()
        finally:
            if making.returncode is None:
                making.kill()
        if making.returncode != 0:
            show(f"partitions could not be made: {_last_line(errors.decode())}")
        pause_s = PARTITIONS_EVERY_S


Owners = dict[str, tuple[Service, str]]
"""By name, each service with a database that we migrate, and the address of its owner."""


def find_owners(services: Sequence[Service], postgres: Postgres) -> Owners:
    owners: Owners = {}
    for service in services:
        url = find_database_url(service, postgres, "owner")
        if url is not None and service.database is not None:
            owners[service.name] = (service, url)
    return owners


def _environment(owners: Owners) -> dict[str, str]:
    urls = {f"{service.prefix}OWNER_DATABASE_URL": url for service, url in owners.values()}
    return {**os.environ, **urls}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _is_migrated(service: Service, postgres: Postgres) -> bool:
    """Tell whether the newest migration was applied."""
    assert service.database is not None
    try:
        applied = postgres.query(service.database, "SELECT version_num FROM alembic_version")
    except SandboxError:
        return False  # there is no such table yet
    return applied == find_head(find_migrations(service.name))
