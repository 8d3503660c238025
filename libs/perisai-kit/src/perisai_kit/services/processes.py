"""The processes that can be started: the entry points of the group `perisai.processes`.

NAME is the factory of an app, `NAME-worker` that of a worker.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from perisai_kit.db.partitions.tables import KIT_TABLES, PartitionedTable

GROUP = "perisai.processes"
CONTRACTING = "contract_"
"""How the name of a migration begins, after its number, that drops what older versions use."""


def find_process(name: str) -> EntryPoint:
    """Return the entry point of a process. Raises: SystemExit with one line for an unknown name."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(sorted(each.name for each in entry_points(group=GROUP)))
        sys.exit(f"perisai-serve: there is no process {name}; there are {known}.")
    return next(iter(found))


def find_migrations(name: str) -> Path:
    """Return the folder with the migrations of a process's database, inside its package.

    The package is not imported. Raises: SystemExit for an unknown process.
    """
    spec = find_spec(_find_package(name))
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "migrations"


def find_partitioned_tables(name: str) -> Sequence[PartitionedTable]:
    """Return the tables in partitions of a process's database.

    They are `TABLES` of the module `partitions` of its package, or else only the kit's. Raises:
    SystemExit for an unknown process.
    """
    module = f"{_find_package(name)}.partitions"
    if find_spec(module) is None:
        return KIT_TABLES
    tables: Sequence[PartitionedTable] = import_module(module).TABLES
    return tables


def _find_package(name: str) -> str:
    return find_process(name).value.partition(".")[0]


def find_head(migrations: Path) -> str:
    """Return the newest revision in a folder of migrations: the highest number of its files.

    Importing Alembic to ask it would add a fifth of a second to the start of every process.
    """
    return _list_revisions(migrations)[-1][0]


def find_needed(migrations: Path) -> str:
    """Return the revision that the code of this version needs.

    It is the newest but those at the end that contract, `NNNN_contract_...`: they drop what only
    older versions use, so they come when all processes have been replaced.
    """
    needed = [
        number for number, name in _list_revisions(migrations) if not name.startswith(CONTRACTING)
    ]
    return needed[-1]


def _list_revisions(migrations: Path) -> list[tuple[str, str]]:
    names = [file.stem.partition("_") for file in (migrations / "versions").glob("[0-9]*.py")]
    return sorted((number, name) for number, _, name in names)
