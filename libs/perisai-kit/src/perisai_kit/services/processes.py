"""The processes that can be started: the entry points of the group `perisai.processes`.

NAME is the factory of an app, `NAME-worker` that of a worker.
"""

import sys
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "perisai.processes"


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
    package = find_process(name).value.partition(".")[0]
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "migrations"


def find_head(migrations: Path) -> str:
    """Return the newest revision in a folder of migrations: the highest number of its files.

    Importing Alembic to ask it would add a fifth of a second to the start of every process.
    """
    files = (migrations / "versions").glob("[0-9]*.py")
    return max(file.stem.partition("_")[0] for file in files)
