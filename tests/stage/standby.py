"""A primary and its standby, two servers of PostgreSQL in folders of their own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import lifetime
from sandbox.errors import SandboxError
from sandbox.postgres import Postgres

START_S = 60


@dataclass(frozen=True)
class Pair:
    """Two servers with the same passwords."""

    primary: Postgres
    standby: Postgres

    def standby_url(self, database: str) -> str:
        """Return the address of a database on the standby, as its app role."""
        url = self.primary.url(database)
        return url.replace(f":{self.primary.port}/", f":{self.standby.port}/")

    def catch_up(self) -> None:
        """Wait until the standby shows what the primary shows."""
        position = self.primary.query("postgres", "SELECT pg_current_wal_flush_lsn()")
        asked = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        assert lifetime.wait_until(
            lambda: self.standby.query("postgres", asked) == "t", timeout_s=START_S
        )

    def pause_replay(self) -> None:
        """Let the standby receive, and show nothing new."""
        self.standby.query("postgres", "SELECT pg_wal_replay_pause()")

    def resume_replay(self) -> None:
        self.standby.query("postgres", "SELECT pg_wal_replay_resume()")


@contextmanager
def run_pair(folder: Path, with_cluster: Callable[[Path], Path]) -> Iterator[Pair]:
    """Run both. The standby starts from a copy of the cluster before its first start."""
    primary = Postgres(with_cluster(folder / "primary"))
    standby = Postgres(with_cluster(folder / "standby"))
    with primary:
        _follow(standby.folder / "data", primary)
        try:
            standby.prepare()
            standby.spawn()
            assert lifetime.wait_until(lambda: _is_answering(standby), timeout_s=START_S)
            yield Pair(primary, standby)
        finally:
            standby.stop()


def _is_answering(server: Postgres) -> bool:
    try:
        return server.query("postgres", "SELECT pg_is_in_recovery()") == "t"
    except SandboxError:
        return False


def _follow(data: Path, primary: Postgres) -> None:
    owner = data.stat()
    url = primary.url("postgres", "superuser")
    settings = data / "postgresql.auto.conf"
    settings.write_text(f"primary_conninfo = '{url}'\n")
    (data / "standby.signal").touch(mode=0o600)
    if os.geteuid() == 0:
        for path in (settings, data / "standby.signal"):
            os.chown(path, owner.st_uid, owner.st_gid)
