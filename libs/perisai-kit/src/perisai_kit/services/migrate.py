"""`perisai-migrate NAME...`: migrate the databases of these processes, and make their partitions.

All in one process, because importing Alembic takes longer than migrating. The addresses come from
PERISAI_<NAME>_OWNER_DATABASE_URL. PERISAI_<NAME>_KEPT changes for how long rows are kept. With
`--only-partitions` nothing is migrated; with `--every SECONDS` the partitions are made again and
again. With `--expand-only` it stops before the migrations at the end that contract: they run when
all processes have been replaced.
"""

import asyncio
import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from perisai_kit.db.partitions.maintain import PartitionsBusy, maintain
from perisai_kit.domain import clock
from perisai_kit.runtime.log import configure_logging, get_logger
from perisai_kit.services.processes import (
    find_migrations,
    find_needed,
    find_partitioned_tables,
)

FAILURES = (CommandError, SQLAlchemyError, OSError, PartitionsBusy, asyncpg.PostgresError)

log = get_logger()


def build_alembic_config(name: str, url: str | None = None) -> Config:
    """Return the Alembic configuration for the database of a process.

    url: the owner's address; that of the environment when left out.
    """
    config = Config()
    config.set_main_option("script_location", _escaped(str(find_migrations(name))))
    config.set_main_option("path_separator", "os")
    if url is not None:
        config.set_main_option("sqlalchemy.url", _escaped(url))
    return config


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked in the order of the names; exit with one line and code 1 at a failure.

    With `--every` a failure is logged, and the next turn tries again.
    """
    parser = ArgumentParser(prog="perisai-migrate", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--only-partitions", action="store_true")
    parser.add_argument("--expand-only", action="store_true")
    parser.add_argument("--every", type=float, metavar="SECONDS")
    asked = parser.parse_args(arguments)
    configure_logging(service="migrate")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    migrates = not asked.only_partitions
    while True:
        for name in asked.names:
            try:
                if migrates:
                    needed = find_needed(find_migrations(name)) if asked.expand_only else "head"
                    command.upgrade(build_alembic_config(name), needed)
                make_partitions(name)
            except FAILURES as error:
                if asked.every is None:
                    sys.exit(f"{name} could not be migrated: {_reason(error)}")
                log.error("partitions.failed", database=name, reason=_reason(error))
        if asked.every is None:
            return
        migrates = False
        time.sleep(asked.every)


def make_partitions(name: str) -> None:
    """Make the partitions of a process's database that are missing, and remove old ones.

    Raises: PartitionsBusy.
    """
    variable = f"PERISAI_{name.upper()}_OWNER_DATABASE_URL"
    if not (url := os.environ.get(variable)):
        sys.exit(f"{variable} is not set")
    kept = read_kept(os.environ.get(f"PERISAI_{name.upper()}_KEPT", ""))
    tables = [
        replace(each, kept=kept.pop(each.name, each.kept)) for each in find_partitioned_tables(name)
    ]
    if kept:
        sys.exit(f"PERISAI_{name.upper()}_KEPT names no table in partitions: {', '.join(kept)}")
    asyncio.run(maintain(url, tables, clock.real_now()))


def read_kept(text: str) -> dict[str, int]:
    """Read for how many whole ranges tables are kept: `callbacks=24,read_audits=60`.

    Raises: SystemExit for another form.
    """
    found = {}
    for word in filter(None, text.split(",")):
        table, _, count = word.strip().partition("=")
        if not (count.isascii() and count.isdigit() and int(count) > 0):
            sys.exit(f"what is kept is TABLE=COUNT with a count above 0, and not {word!r}")
        found[table] = int(count)
    return found


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    main()
