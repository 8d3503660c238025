"""Programs of others that some measurements need."""

import os
import shutil

from bench.results import ProgramMissing


def program(name: str) -> str:
    """Return the path of a program that is no part of the platform.

    Raises: ProgramMissing.
    """
    # Debian keeps servers where only root's PATH leads.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise ProgramMissing(f"{name} is not installed")
    return found
