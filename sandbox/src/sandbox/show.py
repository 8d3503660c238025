"""The description of a sandbox: addresses, sign-ins, first steps."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from sandbox.errors import SandboxError
from sandbox.furnish import DESCRIPTION_FILE
from sandbox.log_files import LOGS
from sandbox.services import Service

READY_TIMEOUT_S = 5.0

Described = Mapping[str, Any]
"""The content of sandbox.json."""


def read_description(folder: Path) -> Described:
    """Return the description of the running sandbox.

    Raises: SandboxError if none runs in the folder.
    """
    try:
        described: Described = json.loads((folder / DESCRIPTION_FILE).read_text())
    except OSError:
        raise SandboxError(f"No sandbox runs in {folder}: start it with `make run`.") from None
    return described


def welcome_lines(described: Described) -> Iterator[str]:
    """Say what is ready; no password, because terminals and their logs are read by others."""
    gateway = described["addresses"]["gateway"]
    perisai = shlex.quote(str(Path(sys.executable).with_name("perisai")))
    folder = f"--folder {shlex.quote(str(described['folder']))}"
    yield from ("", "Perisai is ready.", "")
    for name, address in described["addresses"].items():
        yield f"  {name:<9} {address}"
    yield f"  reference {gateway}/docs"
    yield from ("", "Sign in as:")
    yield from _names_by_role(described["sign_ins"])
    yield from (
        f"Passwords and telephones:  {perisai} status {folder}",
        f"The code an app asked for: {perisai} otp PHONE {folder}",
        f"The notices they got:      {perisai} notices PHONE {folder}",
        f"A bill paid at the bank:   {perisai} pay VIRTUAL_ACCOUNT {folder}",
        f"More members:              {perisai} seed --more {folder}",
        "",
        "Try:",
        f"  TOKEN=$({perisai} token admin {folder})",
        f'  curl -s {gateway}/v1/branches -H "Authorization: Bearer $TOKEN"',
        f'  curl -s {gateway}/v1/bank-partners -H "Authorization: Bearer $TOKEN"',
        "",
        "docs/front-end.md goes on from here; `make demo` walks the whole journey in a sandbox of",
        f"its own. All of this is in {described['folder']}/{DESCRIPTION_FILE}, the processes' logs",
        f"are in {LOGS}/ beside it. Ctrl-C stops.",
        "",
    )


def _names_by_role(sign_ins: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say in a line for each role who has it; members and agents sign in by a code."""
    for role in dict.fromkeys(each["role"] for each in sign_ins.values()):
        having = {name: each for name, each in sign_ins.items() if each["role"] == role}
        by_code = "   (by a code)" if any("phone" in each for each in having.values()) else ""
        yield f"  {role:<16} {'  '.join(having)}{by_code}"


def status_lines(described: Described, services: Sequence[Service]) -> Iterator[str]:
    """Say which processes are ready and how to sign in, passwords included."""
    for service in services:
        address = described["addresses"][service.name]
        state = "ready" if answers_ready(f"{address}{service.ready}") else "not ready"
        yield f"{service.name:<9} {address}  {state}"
    yield ""
    width = max(map(len, described["sign_ins"]))
    for username, each in described["sign_ins"].items():
        how = each.get("password") or f"by a code to {each['phone']}"
        about = f" ({each['standing']})" if "standing" in each else ""
        yield f"{username:<{width}} {how}  {each['role']}{about}"


def answers_ready(url: str) -> bool:
    """Tell whether the address answers 200."""
    try:
        return httpx.get(url, trust_env=False, timeout=READY_TIMEOUT_S).status_code == 200
    except httpx.TransportError:
        return False
