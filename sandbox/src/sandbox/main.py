"""The `perisai` command."""

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
from typing import Annotated, Any

import httpx
import typer

from perisai_kit.domain import clock
from sandbox.demo.run import run_demo
from sandbox.environment import CLOCK_FILE, build_environment
from sandbox.errors import SandboxError
from sandbox.folder import prepare_folder, reset
from sandbox.furnish import DESCRIPTION_FILE, furnish_elsewhere
from sandbox.log_files import LogFiles, find_lines
from sandbox.output import Output, Phase, wants_json
from sandbox.rotate import add_data_keys, rotate_data_keys
from sandbox.run import run
from sandbox.seed import create_admin
from sandbox.services import ROOT, load_services
from sandbox.show import fetch_token, read_description, status_lines, welcome_lines
from sandbox.vault import load_secrets

app = typer.Typer(
    help="The Perisai platform on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
clock_app = typer.Typer(help="The test clock: business time of all services at once.")
app.add_typer(clock_app, name="clock", no_args_is_help=True)

Folder = Annotated[
    Path,
    typer.Option(help="Where the sandbox keeps its data and its secrets.", envvar="PERISAI_FOLDER"),
]
HERE = ROOT / ".perisai"


@app.command("run")
def run_command(
    folder: Folder = HERE,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take ports that nobody uses.")
    ] = False,
) -> None:
    """Start the platform: PostgreSQL, gateway, services and the sandbox's bank. Ctrl-C stops it.

    Ports are changed with PERISAI_GATEWAY_PORT, PERISAI_AGENT_PORT and so on. What each process
    says is kept in logs/ of the folder; PERISAI_LOG=json prints it here as well.
    """
    with _one_line_errors():
        services = load_services()
        if free_ports:
            services = tuple(each.on_free_ports() for each in services)
        with LogFiles(folder.absolute()) as files:
            output = Output(files, write=_print, as_json=wants_json())

            async def show_box(described: dict[str, Any]) -> None:
                output.show_box(welcome_lines(described))

            run(
                folder,
                services,
                show=output,
                when_ready=show_box,
                when_stopping=partial(setattr, output, "phase", Phase.STOPPING),
            )
            output("sandbox", "stopped")


@app.command("status")
def status_command(folder: Folder = HERE) -> None:
    """Show which processes are ready, and every sign-in with its password."""
    with _one_line_errors():
        for line in status_lines(read_description(folder), load_services()):
            typer.echo(line)


@app.command("token")
def token_command(
    username: Annotated[str, typer.Argument(help="One of the staff, such as admin.")],
    folder: Folder = HERE,
) -> None:
    """Sign in as one of the staff and print the access token, which is good for ten minutes."""
    with _one_line_errors():
        try:
            typer.echo(fetch_token(read_description(folder), username))
        except httpx.TransportError as error:
            raise SandboxError(f"The sandbox of {folder} does not answer: {error!r}") from None


@app.command("logs")
def logs_command(
    service: Annotated[str | None, typer.Argument(help="Such as payment; all without it.")] = None,
    request: Annotated[
        str | None, typer.Option("--request", help="A request's id, or req_... as `run` shows it.")
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Print the kept log lines, as JSON, oldest first."""
    with _one_line_errors():
        try:
            for line in find_lines(folder, service=service, request=request):
                typer.echo(line)
        except BrokenPipeError:
            # Nobody reads any more, as in `perisai logs | head`.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command("reset")
def reset_command(
    folder: Folder = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the sandbox's databases, secrets and keys; the next run begins anew."""
    folder = folder.absolute()
    with _one_line_errors():
        if not yes:
            typer.confirm(f"Delete the sandbox in {folder}?", abort=True)
        reset(folder)
    typer.echo(f"The sandbox in {folder} is deleted.")


@app.command("seed")
def seed_command(folder: Folder = HERE) -> None:
    """Bring a sandbox that runs elsewhere to the state `perisai run` starts from.

    Its addresses are PERISAI_GATEWAY_URL, PERISAI_FAKEBANK_URL and so on; the gateway's other
    variables are needed as well, for the first administrator. Writes sandbox.json in the folder.
    """
    folder = folder.absolute()
    with _one_line_errors():
        prepare_folder(folder)
        try:
            asyncio.run(furnish_elsewhere(folder, load_services()))
        except httpx.TransportError as error:
            raise SandboxError(f"The platform does not answer: {error!r}") from None
    typer.echo(f"The sandbox is seeded; {folder / DESCRIPTION_FILE} tells how to use it.")


@app.command("demo")
def demo_command(folder: Folder = HERE) -> None:
    """Walk the journey from enrolment to commission, checking every step; exit 0 if all held.

    In the sandbox that runs in the folder, or else in a new one that is removed afterwards.
    """
    with _one_line_errors():
        code = demo_here(folder) if (folder / DESCRIPTION_FILE).exists() else demo_apart(typer.echo)
    raise typer.Exit(code)


def demo_here(folder: Path) -> int:
    """Walk the journey in the sandbox that runs in this folder; return the exit code."""
    try:
        return asyncio.run(run_demo(folder, typer.echo))
    except httpx.TransportError as error:
        raise SandboxError(f"The sandbox of {folder} does not answer: {error!r}") from None


def demo_apart(write: Callable[[str], None]) -> int:
    """Walk the journey in a sandbox of its own, on free ports; return the exit code."""
    codes: list[int] = []
    said: deque[str] = deque(maxlen=200)
    services = [each.on_free_ports() for each in load_services()]
    with TemporaryDirectory(prefix="perisai-demo-", ignore_cleanup_errors=True) as scratch:

        async def walk(_: dict[str, Any]) -> None:
            codes.append(await run_demo(Path(scratch), write))

        try:
            run(
                Path(scratch),
                services,
                show=lambda name, line: said.append(f"{name} | {line}"),
                when_ready=walk,
                stay=False,
            )
        except SandboxError:
            for line in said:
                typer.echo(line, err=True)
            raise
    return codes[0] if codes else 1


@app.command("create-admin")
def create_admin_command(
    username: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True)],
    folder: Folder = HERE,
) -> None:
    """Make the first administrator, in the gateway's database.

    That of PERISAI_GATEWAY_DATABASE_URL, with the gateway's other variables set too, or else that
    of the sandbox that runs in the folder.
    """
    with _one_line_errors():
        given = "PERISAI_GATEWAY_DATABASE_URL" in os.environ
        environment = dict(os.environ) if given else _gateway_environment(folder)
        create_admin(username, password, environment)
    typer.echo(f"{username} is an administrator.")


@app.command("rotate-data-keys")
def rotate_data_keys_command(
    folder: Folder = HERE,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Only make new keys, for the next start.")
    ] = False,
) -> None:
    """Encrypt all stored data under the newest data keys, while the sandbox runs.

    Make new keys with --new-key, start the sandbox anew, and rotate. May be stopped and repeated.
    In production: `perisai-rotate-data-keys NAME`, see docs/deploy.md.
    """
    with _one_line_errors():
        if new_key:
            made = add_data_keys(folder)
            typer.echo(f"New data keys: {made}. Start the sandbox anew, then rotate.")
            return
        rotate_data_keys(folder, load_services(), read_description(folder))
    typer.echo("Everything is under the newest data keys; the older ones are removed.")


@clock_app.command("set")
def set_clock(
    instant: Annotated[str, typer.Argument(help="Such as 2025-11-15 or 2025-11-15T09:00.")],
    folder: Folder = HERE,
) -> None:
    """Make business time read this instant now and run on from there; Jakarta time if not said."""
    with _one_line_errors():
        try:
            wanted = datetime.fromisoformat(instant)
        except ValueError:
            raise SandboxError(f"{instant!r} is no instant; write 2025-11-15T09:00.") from None
        aware = wanted if wanted.tzinfo else wanted.replace(tzinfo=clock.JAKARTA)
        prepare_folder(folder)
        clock.set_test_clock(folder / CLOCK_FILE, aware)
    show_clock(folder)


@clock_app.command("show")
def show_clock(folder: Folder = HERE) -> None:
    """Show business time."""
    clock.follow_test_clock(folder / CLOCK_FILE, sandbox=True)
    now = clock.now().astimezone(clock.JAKARTA)
    moved = abs((clock.now() - clock.real_now()).total_seconds()) > 1
    typer.echo(f"{now.isoformat(timespec='seconds')} {'(test clock)' if moved else '(real time)'}")


@clock_app.command("reset")
def reset_clock(folder: Folder = HERE) -> None:
    """Return to real time."""
    (folder / CLOCK_FILE).unlink(missing_ok=True)
    show_clock(folder)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        typer.echo(f"perisai: {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        # Such as a full disk or a folder that may not be written.
        typer.echo(f"perisai: {error.strerror}: {error.filename or ''}".rstrip(": "), err=True)
        raise typer.Exit(1) from None


def _gateway_environment(folder: Path) -> dict[str, str]:
    url = read_description(folder)["databases"]["gateway"]["app"]
    services = load_services()
    return build_environment(
        services[0], services, secrets=load_secrets(folder), database_url=url, folder=folder
    )


def _print(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
