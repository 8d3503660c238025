"""What can be started: packages name their processes in the entry-point group `perisai.processes`.

NAME is a factory of an app, `NAME-worker` one of a worker.
"""

import sys
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "perisai.processes"


def find_process(name: str) -> EntryPoint:
    """Return what makes the process. Raises: SystemExit with one line where there is none."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(sorted(each.name for each in entry_points(group=GROUP)))
        sys.exit(f"perisai-serve: there is no process {name}; there are {known}.")
    return next(iter(found))


def find_migrations(name: str) -> Path:
    """Return the folder with the migrations of a process's database, inside its package.

    Nothing of the package is imported. Raises: SystemExit where there is no such process.
    """
    package = find_process(name).value.partition(".")[0]
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "migrations"
