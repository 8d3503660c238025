"""Find external programs that some measurements need."""

import os
import shutil

from bench.results import ProgramMissing


def find_program(name: str) -> str:
    """Return the path of an external program.

    Raises: ProgramMissing when it is not installed.
    """
    # Debian installs servers in directories that only root has on PATH.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise ProgramMissing(f"{name} is not installed")
    return found
