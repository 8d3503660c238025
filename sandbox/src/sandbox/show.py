"""What the `perisai` command tells about a sandbox: its addresses, its sign-ins, what to try."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from sandbox.errors import SandboxError
from sandbox.furnish import DESCRIPTION_FILE
from sandbox.services import Service

READY_TIMEOUT_S = 5.0

Described = Mapping[str, Any]
"""What sandbox.json says."""


def read_description(folder: Path) -> Described:
    """Return what the running sandbox says of itself.

    Raises: SandboxError when none runs in the folder.
    """
    try:
        described: Described = json.loads((folder / DESCRIPTION_FILE).read_text())
    except OSError:
        raise SandboxError(f"No sandbox runs in {folder}: start it with `make run`.") from None
    return described


def welcome_lines(described: Described) -> Iterator[str]:
    """Say what is ready; no password, because terminals and their logs are read by others."""
    gateway = described["addresses"]["gateway"]
    command = f"{shlex.quote(str(Path(sys.executable).with_name('perisai')))}"
    folder = f"--folder {shlex.quote(str(described['folder']))}"
    yield from ("", "Perisai is ready.", "")
    for name, address in described["addresses"].items():
        yield f"  {name:<9} {address}"
    yield from ("", "Sign in as:")
    for username, each in described["sign_ins"].items():
        yield f"  {username:<9} {each['role']}"
    yield from (f"Their passwords: {command} status {folder}", "", "Try:")
    yield f"  TOKEN=$({command} token admin {folder})"
    yield f'  curl -s {gateway}/v1/branches -H "Authorization: Bearer $TOKEN"'
    yield f'  curl -s {gateway}/v1/bank-partners -H "Authorization: Bearer $TOKEN"'
    yield from ("", f"All of this is in {described['folder']}/{DESCRIPTION_FILE}. Ctrl-C stops.")
    yield ""


def status_lines(
    described: Described,
    services: Sequence[Service],
    *,
    is_ready: Callable[[str], bool] | None = None,
) -> Iterator[str]:
    """Say which processes are ready and how to sign in, passwords included.

    is_ready: asks an address; over the network when left out.
    """
    ask = is_ready or answers_ready
    for service in services:
        address = described["addresses"][service.name]
        state = "ready" if ask(f"{address}{service.ready}") else "not ready"
        yield f"{service.name:<9} {address}  {state}"
    yield ""
    for username, each in described["sign_ins"].items():
        how = each.get("password") or f"by a code to {each['phone']}"
        yield f"{username:<9} {how}  {each['role']}"


def answers_ready(url: str) -> bool:
    """Tell whether the address answers 200."""
    try:
        return httpx.get(url, trust_env=False, timeout=READY_TIMEOUT_S).status_code == 200
    except httpx.TransportError:
        return False


def fetch_token(described: Described, username: str) -> str:
    """Sign in as one of the staff and return the access token.

    Raises: SandboxError when there is no such sign-in or it is refused.
    """
    sign_in = described["sign_ins"].get(username, {})
    if "password" not in sign_in:
        raise SandboxError(f"{username} has no password in this sandbox.")
    grant = {"grant_type": "password", "username": username, "password": sign_in["password"]}
    url = f"{described['addresses']['gateway']}/v1/auth/token"
    answer = httpx.post(url, json=grant, trust_env=False, timeout=READY_TIMEOUT_S * 6)
    if answer.status_code != 200:
        raise SandboxError(f"{username} cannot sign in: {answer.status_code}.")
    return str(answer.json()["access_token"])
