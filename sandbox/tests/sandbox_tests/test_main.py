import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from stage.commands import run_perisai

from perisai_kit.domain import clock
from sandbox.demo.run import WALKS


def test_clock_is_set_in_jakarta_shown_and_reset(tmp_path: Path) -> None:
    folder = tmp_path / "with blanks"

    done = run_perisai("clock", "set", "2025-11-15T09:00", "--folder", folder)
    shown = run_perisai("clock", "show", "--folder", folder)
    reset = run_perisai("clock", "reset", "--folder", folder)

    assert done.stdout.startswith("2025-11-15T09:0")
    assert done.stdout.endswith("+07:00 (test clock)\n")
    assert shown.stdout.startswith("2025-11-15T09:0")
    assert reset.stdout.endswith("(real time)\n")


def test_instant_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    done = run_perisai("clock", "set", "yesterday", "--folder", tmp_path)

    assert done.returncode == 1
    assert done.stderr == "perisai: 'yesterday' is no instant; write 2025-11-15T09:00.\n"


def test_taken_port_is_said_in_one_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = run_perisai("run", "--folder", tmp_path / "run", PERISAI_AGENT_PORT=port)

    assert done.returncode == 1
    assert done.stderr == (
        f"perisai: Port {port} is taken, so agent cannot start: "
        "choose another one with PERISAI_AGENT_PORT.\n"
    )
    assert not (tmp_path / "run" / "postgres" / "data" / "postmaster.pid").exists()


def test_folder_of_an_older_version_is_refused_in_one_line_and_reset_makes_room(
    tmp_path: Path,
) -> None:
    server = tmp_path / "old" / "postgres"
    (server / "data").mkdir(parents=True)
    (server / "passwords.json").write_text('{"postgres": "x", "owner": "x", "app": "x"}')
    (tmp_path / "old" / "secrets.json").write_text("{}")
    (tmp_path / "old" / "notes.txt").write_text("of somebody")

    refused = run_perisai("run", "--folder", tmp_path / "old", "--free-ports")
    reset = run_perisai("reset", "--yes", "--folder", tmp_path / "old")

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"perisai: {tmp_path / 'old'} was made by an older version")
    assert "perisai reset" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert (reset.returncode, reset.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["notes.txt"]


def test_reset_deletes_nothing_where_there_is_no_sandbox(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of somebody")

    done = run_perisai("reset", "--yes", "--folder", tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"perisai: There is no sandbox in {tmp_path}.\n"
    assert (tmp_path / "notes.txt").exists()


def test_reset_asks_first(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{}")

    done = run_perisai("reset", "--folder", tmp_path)

    assert done.returncode == 1
    assert (tmp_path / "secrets.json").exists()


def test_wrong_port_is_said_in_one_line(tmp_path: Path) -> None:
    done = run_perisai("run", "--folder", tmp_path, PERISAI_AGENT_PORT="x")

    assert done.returncode == 1
    assert done.stderr == "perisai: PERISAI_AGENT_PORT is 'x', which is no port.\n"


def test_create_admin_without_a_sandbox_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PERISAI_GATEWAY_DATABASE_URL", raising=False)

    done = run_perisai(
        *("create-admin", "--username", "root", "--password", "long enough it is"),
        *("--folder", tmp_path),
    )

    assert done.returncode == 1
    assert done.stderr == (f"perisai: No sandbox runs in {tmp_path}: start it with `make run`.\n")


def test_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run_perisai("run", "--folder", tmp_path / "file" / "below", "--free-ports")

    assert done.returncode == 1
    assert done.stderr.startswith("perisai: Not a directory: ")
    assert done.stderr.count("\n") == 1


def test_demo_in_a_folder_of_a_killed_sandbox_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    described = {
        "addresses": {"gateway": address, "fakebank": address},
        "clock_file": str(tmp_path / "clock.json"),
        "sign_ins": {"officer1": {"password": "x"}},
    }
    (tmp_path / "sandbox.json").write_text(json.dumps(described))

    done = run_perisai("demo", "--folder", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith(f"perisai: The sandbox of {tmp_path} does not answer: ")
    assert done.stderr.count("\n") == 1


def test_seed_outside_a_sandbox_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run_perisai("seed", "--folder", tmp_path, PERISAI_SANDBOX="")

    assert done.returncode == 1
    assert done.stderr == (
        "perisai: Only a sandbox is seeded: PERISAI_SANDBOX must be 1 in all processes.\n"
    )
    assert not any(tmp_path.iterdir())


def test_seed_names_every_missing_address(tmp_path: Path) -> None:
    variables = {f"PERISAI_{name}_URL": "" for name in ("AGENT", "MEMBER", "FAKEBANK")}
    variables |= {f"PERISAI_{name}_URL": "http://127.0.0.1:1" for name in ("GATEWAY", "PAYMENT")}

    done = run_perisai("seed", "--folder", tmp_path, PERISAI_SANDBOX="1", **variables)

    assert done.returncode == 1
    assert done.stderr == (
        "perisai: Where is the platform? "
        "Missing: PERISAI_AGENT_URL, PERISAI_MEMBER_URL, PERISAI_FAKEBANK_URL.\n"
    )


def test_seed_of_a_platform_that_is_away_says_so_in_one_line(tmp_path: Path) -> None:
    names = ("GATEWAY", "AGENT", "MEMBER", "PAYMENT", "FAKEBANK")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        variables = {
            f"PERISAI_{name}_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}" for name in names
        }

    done = run_perisai("seed", "--folder", tmp_path, PERISAI_SANDBOX="1", **variables)

    assert done.returncode == 1
    assert done.stderr.startswith("perisai: The platform does not answer: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sandbox.json").exists()


def test_help_loads_nothing_that_only_a_command_needs() -> None:
    asked = (
        "import sys; sys.argv = ['perisai', '--help']\n"
        "from sandbox.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'httpx', 'sqlalchemy', 'cryptography', 'asyncpg', 'pydantic', 'fastapi'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout.rstrip().endswith("loaded: []")
    for word in (
        "run",
        "status",
        "doctor",
        "token",
        "otp",
        "notices",
        "pay",
        "logs",
        "seed",
        "demo",
        "clock",
    ):
        assert f" {word} " in done.stdout


def test_no_command_waits_for_what_only_services_are_made_of() -> None:
    asked = (
        "import sandbox.actions, sys\n"
        "print(sorted({'sqlalchemy', 'asyncpg', 'fastapi', 'alembic'} & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "words", [("otp", "member"), ("notices", "member"), ("pay", "12345"), ("token", "admin")]
)
def test_what_needs_a_running_sandbox_says_so_in_one_line(
    tmp_path: Path, words: tuple[str, str]
) -> None:
    done = run_perisai(*words, "--folder", tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"perisai: No sandbox runs in {tmp_path}: start it with `make run`.\n"


def test_demo_goes_to_a_running_sandbox_only_when_asked_to(tmp_path: Path) -> None:
    without_folder = run_perisai("demo", "--folder", tmp_path)
    by_variable = run_perisai("demo", PERISAI_FOLDER=str(tmp_path))

    assert without_folder.returncode == by_variable.returncode == 1
    assert without_folder.stderr == by_variable.stderr
    assert without_folder.stderr.startswith(f"perisai: No sandbox runs in {tmp_path}: ")


def test_demo_closes_months_that_are_over() -> None:
    assert all(f"{at:%Y-%m}" < f"{clock.real_now():%Y-%m}" for at, *_ in WALKS)
