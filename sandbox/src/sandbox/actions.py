"""The actions of the `perisai` command."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
import typer

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from sandbox import folder as folders
from sandbox.asking import Payment, fetch_code, fetch_token, list_notices, pay_virtual_account
from sandbox.demo.run import run_demo
from sandbox.environment import CLOCK_FILE, build_environment
from sandbox.errors import SandboxError
from sandbox.furnish import DESCRIPTION_FILE, furnish_elsewhere
from sandbox.later import import_later
from sandbox.log_files import LogFiles, find_lines
from sandbox.output import Output, Phase, wants_json
from sandbox.rotate import add_data_keys as add_data_keys
from sandbox.rotate import rotate_data_keys
from sandbox.run import run
from sandbox.sample import more
from sandbox.seed import create_admin
from sandbox.services import load_services
from sandbox.show import read_description, status_lines, welcome_lines
from sandbox.vault import load_secrets
from sandbox.verify import verify_commissions

if TYPE_CHECKING:
    from sandbox import doctor
else:
    doctor = import_later("sandbox.doctor")  # it loads what the services are made of

reset = folders.reset
read_logs = find_lines


def run_platform(folder: Path, *, free_ports: bool, small: bool) -> None:
    """Run the platform until it is stopped, and print the important lines.

    Raises: SandboxError.
    """
    services = load_services()
    if free_ports:
        services = tuple(each.on_free_ports() for each in services)
    with LogFiles(folder.absolute()) as files:
        output = Output(files, write=_print, as_json=wants_json())

        async def show_box(described: dict[str, Any]) -> None:
            output.show_box(welcome_lines(described))

        with output.reminding():
            run(
                folder,
                services,
                show=output,
                when_ready=show_box,
                when_stopping=partial(setattr, output, "phase", Phase.STOPPING),
                small=small,
            )
        output("sandbox", "stopped")


def show_status(folder: Path) -> Iterator[str]:
    """Return lines with the ready processes and the sign-ins. Raises: SandboxError."""
    return status_lines(read_description(folder), load_services())


def examine_sandbox(folder: Path) -> list["doctor.Finding"]:
    """Check everything that a sandbox needs. Raises: SandboxError for an invalid port variable."""
    return doctor.examine(folder.absolute(), load_services())


def fetch_access_token(folder: Path, username: str) -> str:
    """Sign in as one of the staff. Raises: SandboxError."""
    with _answering(folder):
        return fetch_token(read_description(folder), username)


def read_one_time_code(folder: Path, phone: str) -> str:
    """Return the newest code for this telephone number. Raises: SandboxError if there is none."""
    with _answering(folder):
        return fetch_code(read_description(folder), phone)


def read_notices(folder: Path, to: str) -> list[str]:
    """Return the newest notices to a number or an address. Raises: SandboxError without any."""
    with _answering(folder):
        return list_notices(read_description(folder), to)


def pay_bill(folder: Path, virtual_account: str, amount: int | None) -> Payment:
    """Pay through the sandbox's bank. amount: rupiah. Raises: SandboxError."""
    with _answering(folder):
        return pay_virtual_account(read_description(folder), virtual_account, amount)


def seed_elsewhere(folder: Path, *, small: bool) -> Path:
    """Seed the platform that the environment names; return the file that describes it.

    Raises: SandboxError.
    """
    folders.prepare_folder(folder)
    try:
        asyncio.run(furnish_elsewhere(folder, load_services(), small=small, write=_print))
    except httpx.TransportError as error:
        raise SandboxError(f"The platform does not answer: {error!r}") from None
    return folder / DESCRIPTION_FILE


def add_members(folder: Path, count: int) -> Iterator[str]:
    """Add new members to the sandbox of the folder; return lines about them.

    Raises: SandboxError.
    """
    with _answering(folder):
        return asyncio.run(more.add_members(read_description(folder), count, write=_print))


def walk_demo(folder: Path | None, *, stay: bool, write: Callable[[str], None]) -> int:
    """Walk the journey; return the exit code.

    folder: that of a running sandbox; None for a temporary sandbox on free ports. stay: that
    platform runs until it is stopped.
    Raises: SandboxError.
    """
    if folder is None:
        return walk_own_demo(write, stay=stay)
    read_description(folder)
    with _answering(folder):
        return asyncio.run(run_demo(folder, write))


def walk_own_demo(write: Callable[[str], None], *, stay: bool) -> int:
    """Walk the journey in a temporary sandbox; return the exit code."""
    codes: list[int] = []
    said: deque[str] = deque(maxlen=200)
    services = [each.on_free_ports() for each in load_services()]
    with TemporaryDirectory(prefix="perisai-demo-", ignore_cleanup_errors=True) as scratch:

        async def walk(described: dict[str, Any]) -> None:
            codes.append(await run_demo(Path(scratch), write))
            if stay:
                write("\n".join(welcome_lines(described)))

        try:
            run(
                Path(scratch),
                services,
                show=lambda name, line: said.append(f"{name} | {line}"),
                when_ready=walk,
                stay=stay,
                small=True,
            )
        except SandboxError:
            for line in said:
                typer.echo(line, err=True)
            raise
    return codes[0] if codes else 1


def make_admin(folder: Path, username: str, password: str) -> None:
    """Create an administrator. Raises: SandboxError with the reason of a failure."""
    given = "PERISAI_GATEWAY_DATABASE_URL" in os.environ
    environment = dict(os.environ) if given else _gateway_environment(folder)
    create_admin(username, password, environment)


def rotate_stored_data(folder: Path) -> None:
    """Re-encrypt all stored data under the newest data keys. Raises: SandboxError."""
    rotate_data_keys(folder, load_services(), read_description(folder))


def verify_month(folder: Path, month: str) -> int:
    """Compute a closed month a second time; return 0 if it agrees. Raises: SandboxError."""
    sys.stdout.flush()  # the command writes by itself
    return verify_commissions(month, read_description(folder))


def set_clock(folder: Path, instant: str) -> None:
    """Set business time; Jakarta time without an offset. Raises: SandboxError for invalid input."""
    try:
        wanted = datetime.fromisoformat(instant)
    except ValueError:
        raise SandboxError(f"{instant!r} is no instant; write 2025-11-15T09:00.") from None
    aware = wanted if wanted.tzinfo else wanted.replace(tzinfo=JAKARTA)
    folders.prepare_folder(folder)
    clock.set_test_clock(folder / CLOCK_FILE, aware)


def show_clock(folder: Path) -> str:
    """Return business time as readable text."""
    clock.follow_test_clock(folder / CLOCK_FILE, sandbox=True)
    now = clock.now().astimezone(JAKARTA)
    moved = abs((clock.now() - clock.real_now()).total_seconds()) > 1
    return f"{now.isoformat(timespec='seconds')} {'(test clock)' if moved else '(real time)'}"


def reset_clock(folder: Path) -> None:
    """Return to real time."""
    (folder / CLOCK_FILE).unlink(missing_ok=True)


@contextmanager
def _answering(folder: Path) -> Iterator[None]:
    """Turn a transport error into a SandboxError: the sandbox of the folder was killed."""
    try:
        yield
    except httpx.TransportError as error:
        raise SandboxError(f"The sandbox of {folder} does not answer: {error!r}") from None


def _gateway_environment(folder: Path) -> dict[str, str]:
    url = read_description(folder)["databases"]["gateway"]["app"]
    services = load_services()
    return build_environment(
        services[0], services, secrets=load_secrets(folder), database_url=url, folder=folder
    )


def _print(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
