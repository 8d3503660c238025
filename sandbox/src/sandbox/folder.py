"""The folder of a sandbox: for our eyes only, and gone when asked."""

import os
import shutil
from pathlib import Path

from sandbox.environment import CLOCK_FILE, FAKEBANK_FILE
from sandbox.errors import SandboxError
from sandbox.furnish import DESCRIPTION_FILE
from sandbox.log_files import LOGS
from sandbox.postgres import Postgres
from sandbox.sample.make import SAMPLE_FILE

POSTGRES = "postgres"
SECRETS_FILE = "secrets.json"
KEYS = "bank"
OF_OLDER_VERSIONS = "people.json"
FILES = (
    *(SECRETS_FILE, DESCRIPTION_FILE, FAKEBANK_FILE, SAMPLE_FILE, CLOCK_FILE),
    OF_OLDER_VERSIONS,
)


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is missing, and close it and what is in it to others.

    What this process and its children write from now on is closed to others as well.
    """
    os.umask(0o077)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    places = [folder, folder / KEYS, folder / POSTGRES, folder / LOGS]
    for path in (path for place in places if place.is_dir() for path in place.iterdir()):
        # PostgreSQL sees to its own data, which may belong to another user.
        if path.name != "data" and not path.is_symlink() and path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode & 0o700)


def reset(folder: Path) -> None:
    """Delete all that a sandbox keeps in this folder, and the folder when nothing else is in it.

    Raises: SandboxError when it is no sandbox's folder, or one runs in it.
    """
    if not (folder / SECRETS_FILE).exists() and not (folder / POSTGRES).is_dir():
        raise SandboxError(f"There is no sandbox in {folder}.")
    Postgres(folder / POSTGRES).remove()
    for name in (KEYS, LOGS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
