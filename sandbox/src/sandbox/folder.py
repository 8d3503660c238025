"""The private folder of a sandbox, and its reset."""

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
    """Create the folder if it is missing, and remove all access by other users.

    Later files of this process and its children are private too.
    """
    os.umask(0o077)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    places = [folder, folder / KEYS, folder / POSTGRES, folder / LOGS]
    for path in (path for place in places if place.is_dir() for path in place.iterdir()):
        # The data of PostgreSQL may belong to another user and has its own modes.
        if path.name != "data" and not path.is_symlink() and path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode & 0o700)


def reset(folder: Path) -> None:
    """Delete the files of a sandbox in this folder, and the folder if it is then empty.

    Raises: SandboxError if it is not the folder of a sandbox, or a sandbox runs in it.
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
