"""The `perisai` command line: commands and help. The actions are in actions.py."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.errors import SandboxError
from sandbox.later import import_later
from sandbox.services import ROOT

if TYPE_CHECKING:
    from sandbox import actions
else:
    actions = import_later("sandbox.actions")

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
Small = Annotated[
    bool,
    typer.Option(
        "--small", help="Begin with one agent and one member, instead of sixty with a history."
    ),
]
HERE = ROOT / ".perisai"
MORE = 20
MOST = 1_000
"""New members at a time."""


@app.command("run")
def run_command(
    folder: Folder = HERE,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take ports that nobody uses.")
    ] = False,
    small: Small = False,
) -> None:
    """Start the platform: PostgreSQL, gateway, services and the sandbox's bank. Ctrl-C stops it.

    Change ports with PERISAI_GATEWAY_PORT, PERISAI_AGENT_PORT and so on. The output of each process
    is in logs/ of the folder; PERISAI_LOG=json prints it here too.
    """
    with _one_line_errors():
        actions.run_platform(folder, free_ports=free_ports, small=small)


@app.command("status")
def status_command(folder: Folder = HERE) -> None:
    """Show the ready processes, and every sign-in with its password."""
    with _one_line_errors():
        _print(actions.show_status(folder))


@app.command("doctor")
def doctor_command(folder: Folder = HERE) -> None:
    """Check the sandbox and say how to fix failures; exit 0 if there are none."""
    with _one_line_errors():
        findings = actions.examine_sandbox(folder)
        _print(finding.line for finding in findings)
    raise typer.Exit(0 if all(finding.is_well for finding in findings) else 1)


@app.command("token")
def token_command(
    username: Annotated[str, typer.Argument(help="One of the staff, such as admin.")],
    folder: Folder = HERE,
) -> None:
    """Sign in as one of the staff and print the access token, which is valid for ten minutes."""
    with _one_line_errors():
        typer.echo(actions.fetch_access_token(folder, username))


@app.command("otp")
def otp_command(
    phone: Annotated[str, typer.Argument(help="A telephone, or a sign-in such as member.")],
    folder: Folder = HERE,
) -> None:
    """Print the newest one-time code for a telephone number."""
    with _one_line_errors():
        typer.echo(actions.read_one_time_code(folder, phone))


@app.command("notices")
def notices_command(
    to: Annotated[str, typer.Argument(help="A telephone, an e-mail address, or a sign-in.")],
    folder: Folder = HERE,
) -> None:
    """Print the newest notices that were sent to somebody in the last hour, newest first."""
    with _one_line_errors():
        for notice in actions.read_notices(folder, to):
            typer.echo(notice)


@app.command("pay")
def pay_command(
    virtual_account: Annotated[str, typer.Argument(help="The number on the bill, digits only.")],
    amount: Annotated[
        int | None, typer.Option(help="Rupiah; what the bill says when left out.")
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Pay a bill as its bank's customer would; exit 0 when the bank reads the answer as paid."""
    with _one_line_errors():
        paid = actions.pay_bill(folder, virtual_account, amount)
    typer.echo(paid.line)
    raise typer.Exit(0 if paid.is_paid else 1)


@app.command("logs")
def logs_command(
    service: Annotated[str | None, typer.Argument(help="Such as payment; all without it.")] = None,
    request: Annotated[
        str | None, typer.Option("--request", help="A request's id, or req_... as `run` shows it.")
    ] = None,
    folder: Folder = HERE,
) -> None:
    """Print the log lines as JSON, oldest first."""
    with _one_line_errors():
        _print(actions.read_logs(folder, service=service, request=request))


@app.command("reset")
def reset_command(
    folder: Folder = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the sandbox's databases, secrets and keys; the next run starts from nothing."""
    folder = folder.absolute()
    with _one_line_errors():
        if not yes:
            typer.confirm(f"Delete the sandbox in {folder}?", abort=True)
        actions.reset(folder)
    typer.echo(f"The sandbox in {folder} is deleted.")


@app.command("seed")
def seed_command(
    count: Annotated[int, typer.Argument(help="With --more: how many.", min=1, max=MOST)] = MORE,
    folder: Folder = HERE,
    more: Annotated[
        bool, typer.Option("--more", help="Add new members to the sandbox that runs here.")
    ] = False,
    small: Small = False,
) -> None:
    """Bring a sandbox that runs elsewhere to the state `perisai run` starts from.

    Its addresses are PERISAI_GATEWAY_URL, PERISAI_FAKEBANK_URL and so on; the gateway's other
    variables are needed as well, for the first administrator. Writes sandbox.json in the folder.
    `perisai seed --more 50` adds fifty new members, some of them paid, to one that runs in the
    folder; each time it adds others.
    """
    with _one_line_errors():
        if more:
            _print(actions.add_members(folder, count))
            return
        written = actions.seed_elsewhere(folder.absolute(), small=small)
    typer.echo(f"The sandbox is seeded; {written} tells how to use it.")


@app.command("demo")
def demo_command(
    folder: Annotated[
        Path | None,
        typer.Option(help="Walk in the sandbox that runs here.", envvar="PERISAI_FOLDER"),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Let the sandbox of its own run on until Ctrl-C.")
    ] = False,
) -> None:
    """Walk the journey from enrolment to commission, checking every step; exit 0 if all held.

    In a new sandbox on free ports that is removed afterwards, or else in the one of --folder: there
    it moves business time while it walks, and closes the months up to September 2026.
    """
    with _one_line_errors():
        code = actions.walk_demo(folder, stay=stay, write=typer.echo)
    raise typer.Exit(code)


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
        actions.make_admin(folder, username, password)
    typer.echo(f"{username} is an administrator.")


@app.command("rotate-data-keys")
def rotate_data_keys_command(
    folder: Folder = HERE,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Only make new keys, for the next start.")
    ] = False,
) -> None:
    """Re-encrypt all stored data under the newest data keys, while the sandbox runs.

    Create new keys with --new-key, restart the sandbox, and rotate. It can be stopped and repeated.
    In production: `perisai-rotate-data-keys NAME`, see docs/deploy.md.
    """
    with _one_line_errors():
        if new_key:
            made = actions.add_data_keys(folder)
            typer.echo(f"New data keys: {made}. Start the sandbox anew, then rotate.")
            return
        actions.rotate_stored_data(folder)
    typer.echo("Everything is under the newest data keys; the older ones are removed.")


@app.command("verify-commissions")
def verify_commissions_command(
    month: Annotated[str, typer.Option(help="A closed month, such as 2026-10.")],
    folder: Folder = HERE,
) -> None:
    """Compute a closed month a second time and compare; exit 0 if it agrees, 1 if it differs.

    The lines, statements and transfers of the month are computed by SQL that shares no code with
    the service. It is done after every close too; the result is stored with the month.
    In production: `perisai-verify-commissions --month 2026-10`, see docs/commissions.md.
    """
    with _one_line_errors():
        code = actions.verify_month(folder, month)
    raise typer.Exit(code)


@clock_app.command("set")
def set_clock(
    instant: Annotated[str, typer.Argument(help="Such as 2025-11-15 or 2025-11-15T09:00.")],
    folder: Folder = HERE,
) -> None:
    """Set business time to this instant, from which it runs on; Jakarta time without an offset."""
    with _one_line_errors():
        actions.set_clock(folder, instant)
        typer.echo(actions.show_clock(folder))


@clock_app.command("show")
def show_clock(folder: Folder = HERE) -> None:
    """Show business time."""
    with _one_line_errors():
        typer.echo(actions.show_clock(folder))


@clock_app.command("reset")
def reset_clock(folder: Folder = HERE) -> None:
    """Return to real time."""
    with _one_line_errors():
        actions.reset_clock(folder)
        typer.echo(actions.show_clock(folder))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        typer.echo(f"perisai: {error}", err=True)
        raise typer.Exit(1) from None
    except BrokenPipeError:
        # The reader has closed the pipe, as in `perisai logs | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # For example a full disk or a read-only folder.
        typer.echo(f"perisai: {error.strerror}: {error.filename or ''}".rstrip(": "), err=True)
        raise typer.Exit(1) from None


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        typer.echo(line)
