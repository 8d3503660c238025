"""Copies of a running platform's databases, to break and to fill anew."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from perisai_kit.testing.plugin import Databases, Urls
from sandbox import binaries


def copy_databases(
    databases: Databases,
    sources: Iterable[tuple[str, str]],
    folder: Path,
    *,
    without: Sequence[str] = (),
) -> dict[str, Urls]:
    """Return copies, on the tests' own server, of these databases by name.

    sources: name and the owner's address. without: tables whose rows stay behind.
    """
    return {name: _copy(databases, name, url, folder, without) for name, url in sources}


def _copy(databases: Databases, name: str, url: str, folder: Path, without: Sequence[str]) -> Urls:
    dump = folder / f"{name}.dump"
    left_out = [f"--exclude-table-data={table}" for table in without]
    _run("pg_dump", "--format=custom", "--compress=0", *left_out, f"--file={dump}", url)
    made = databases.empty(name)
    _run("pg_restore", "--exit-on-error", f"--dbname={made.owner}", str(dump))
    dump.unlink()
    return made


def _run(tool: str, *args: str) -> None:
    program = binaries.installed() / "bin" / tool
    subprocess.run([program, *args], check=True, capture_output=True)
