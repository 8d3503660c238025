"""Turns a running platform into a sandbox: seed, accounts at its bank, sandbox.json.

`perisai run` does this to its own platform, `perisai seed` to another one.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.environment import CLOCK_FILE, FAKEBANK_FILE
from sandbox.errors import SandboxError
from sandbox.sample.make import Stage, complete_sample, open_sample
from sandbox.seed import SIGN_INS, make_engineer_sign_in, seed
from sandbox.services import Service
from sandbox.vault import Secrets, load_bank_keys, load_secrets, write_private_json

DESCRIPTION_FILE = "sandbox.json"


async def furnish(
    folder: Path,
    *,
    addresses: Mapping[str, str],
    gateway_environment: Mapping[str, str],
    small: bool,
    write: Callable[[str], None],
) -> dict[str, Any]:
    """Seed a running platform as a new sandbox; return its description.

    folder: holds the sandbox's secrets, and what its bank reads. addresses: by the names of
    services.toml. gateway_environment: for the command that makes the first administrator.
    small: without the history of the sample data. write: gets a line of progress.
    Raises: SandboxError with the request that was refused.
    """
    secrets = load_secrets(folder)
    with open_sample(folder, small=small) as state:
        partners = await seed(
            addresses["gateway"],
            secrets=secrets,
            keys={profile: load_bank_keys(folder, profile) for profile in secrets.banks},
            bank_url=addresses["fakebank"],
            gateway_environment=gateway_environment,
            write=write,
        )
        write_private_json(folder / FAKEBANK_FILE, {"partners": partners})
        stage = Stage(
            gateway_url=addresses["gateway"],
            bank_url=addresses["fakebank"],
            bank_code=partners[0]["bank_code"],
            clock_file=folder / CLOCK_FILE,
            passwords=secrets.passwords,
        )
        people = await complete_sample(folder, stage, state, write=write)
    description = _describe(folder, addresses, secrets, partners)
    description["sign_ins"] |= people
    return description


async def furnish_elsewhere(
    folder: Path,
    services: Iterable[Service],
    *,
    small: bool,
    write: Callable[[str], None],
) -> dict[str, Any]:
    """Furnish the platform that the environment names, and write sandbox.json.

    It has PERISAI_<NAME>_URL for every service, and the gateway's own variables.
    folder: exists. small, write: as `furnish` takes them.
    Raises: SandboxError.
    """
    if os.environ.get("PERISAI_SANDBOX") not in ("1", "true"):
        raise SandboxError("Only a sandbox is seeded: PERISAI_SANDBOX must be 1 in all processes.")
    variables = {each.name: f"{each.prefix}URL" for each in services}
    missing = [name for name in variables.values() if not os.environ.get(name)]
    if missing:
        raise SandboxError(f"Where is the platform? Missing: {', '.join(missing)}.")
    description = await furnish(
        folder,
        addresses={name: os.environ[variable] for name, variable in variables.items()},
        gateway_environment=os.environ,
        small=small,
        write=write,
    )
    write_private_json(folder / DESCRIPTION_FILE, description)
    return description


def _describe(
    folder: Path,
    addresses: Mapping[str, str],
    secrets: Secrets,
    partners: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return the description of this platform for clients, with secrets."""
    return {
        "addresses": dict(addresses),
        "folder": str(folder),
        "clock_file": str(folder / CLOCK_FILE),
        "sign_ins": {
            each.username: {
                "role": each.role,
                "password": secrets.passwords[each.username],
                "scope": each.scope,
            }
            for each in (*SIGN_INS, make_engineer_sign_in(partners[0]["partner_id"]))
        },
        "codes": {
            "about": "Members and agents sign in with a code; the sandbox keeps it to be read.",
            "request": "/v1/auth/otp",
            "read": "/v1/sandbox/otp-outbox",
        },
        "notices": {
            "about": "Notices to people go to telephones, those to staff to e-mail addresses; the "
            "sandbox keeps them to be read.",
            "phone": "/v1/sandbox/otp-outbox",
            "email": "/v1/sandbox/mail-outbox",
        },
        "bank_partners": list(partners),
    }
