"""New data keys for a sandbox, as docs/deploy.md describes it for production."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.services import Service
from sandbox.vault import Secrets, ServiceSecrets, load_secrets, make_data_key, save_secrets

DATA_KEY_IDS = "data_key_ids"
"""In sandbox.json: the id of each running service's first data key."""


def first_key_ids(secrets: Secrets) -> dict[str, str]:
    """Return the id of each service's first data key."""
    return {name: _keys(own)[0].partition(":")[0] for name, own in secrets.services.items()}


def add_data_keys(folder: Path) -> dict[str, str]:
    """Put a new data key first for each service, from the next start on; return their ids.

    Raises: SandboxError when there is no sandbox in the folder.
    """
    if not (folder / "secrets.json").exists():
        raise SandboxError(f"There is no sandbox in {folder}.")
    secrets = load_secrets(folder)
    return first_key_ids(_save_keys(folder, secrets, _with_new_key))


def rotate_data_keys(folder: Path, services: Sequence[Service], described: Any) -> None:
    """Encrypt everything under the first data keys while the sandbox runs; remove the others.

    described: what sandbox.json says.
    Raises: SandboxError when a process does not know its first key yet, or something is left,
    which the lines above it name.
    """
    secrets = load_secrets(folder)
    if described.get(DATA_KEY_IDS) != first_key_ids(secrets):
        raise SandboxError("The processes do not know the new keys yet: start the sandbox anew.")
    rotated = [each for each in services if each.name in secrets.services]
    variables = dict(os.environ)
    for each in rotated:
        variables |= _variables(each, described["databases"], secrets.services[each.name])
    command = [sys.executable, "-m", "perisai_kit.services.rotate_data_keys"]
    names = [each.name for each in rotated]
    if subprocess.run([*command, *names], env=variables, check=False).returncode != 0:
        raise SandboxError("Values are left under old keys; see the lines above.")
    _save_keys(folder, secrets, lambda keys: keys[:1])


def _variables(
    service: Service, databases: Mapping[str, Any], own: ServiceSecrets
) -> dict[str, str]:
    assert service.database is not None
    return {
        f"{service.prefix}OWNER_DATABASE_URL": databases[service.database]["owner"],
        f"{service.prefix}DATA_KEYS": own.data_keys,
        f"{service.prefix}LOOKUP_KEY": own.lookup_key,
    }


def _keys(own: ServiceSecrets) -> list[str]:
    return own.data_keys.split(",")


def _with_new_key(keys: list[str]) -> list[str]:
    used = {each.partition(":")[0] for each in keys}
    newest = max((int(kid[1:]) for kid in used if kid[1:].isdecimal()), default=0)
    return [make_data_key(f"k{newest + 1}"), *keys]


def _save_keys(folder: Path, secrets: Secrets, change: Callable[[list[str]], list[str]]) -> Secrets:
    services = {
        name: own.model_copy(update={"data_keys": ",".join(change(_keys(own)))})
        for name, own in secrets.services.items()
    }
    changed = secrets.model_copy(update={"services": services})
    save_secrets(folder, changed)
    return changed
