"""`perisai-rotate-data-keys NAME...`: re-encrypt stored values under the first key of each service.

It takes one service after the other, all in one process because the imports take longer than a
small database. It can run while the services run, and can be repeated after it was killed. It reads
PERISAI_<NAME>_OWNER_DATABASE_URL, _DATA_KEYS and _LOOKUP_KEY, also from PERISAI_SECRETS_DIR. It
prints its progress. The exit code is 0 if the other keys are no longer needed, otherwise 1.

The entry-point group `perisai.tables` has the tables of each package as a list of MetaData.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import MetaData

from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring, KeyringInvalid
from perisai_kit.privacy.rotation import BATCH, Rotation, count_left, rotate
from perisai_kit.runtime.settings import Secret, find_secrets_folder

GROUP = "perisai.tables"


class RotationSettings(BaseSettings):
    """The settings of the command for one service."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    owner_database_url: Secret
    """PostgreSQL's own address, for the owner of the tables: the role of the service cannot update
    insert-only tables."""
    data_keys: Secret
    lookup_key: Secret


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(prog="perisai-rotate-data-keys", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="name", help="such as member")
    parser.add_argument("--count", action="store_true", help="only count what is left, by key")
    parser.add_argument("--batch", type=int, default=BATCH, help="rows a transaction")
    options = parser.parse_args(arguments)
    services = [
        (name, _read_settings(f"PERISAI_{name.upper()}_"), _find(name)) for name in options.names
    ]
    sys.exit(max(asyncio.run(_run(*service, options)) for service in services))


async def _run(
    name: str, settings: RotationSettings, metadata: list[MetaData], options: argparse.Namespace
) -> int:
    try:
        keyring = Keyring.parse(
            settings.data_keys.get_secret_value(), settings.lookup_key.get_secret_value()
        )
    except KeyringInvalid as wrong:
        sys.exit(f"perisai-rotate-data-keys: {wrong}.")
    url = settings.owner_database_url.get_secret_value()
    database = Database(url, keyring=keyring, pool_size=1)

    def tell(line: str) -> None:
        sys.stdout.write(f"{name}: {line}\n")
        sys.stdout.flush()

    try:
        if options.count:
            done = Rotation(left=await count_left(database, keyring, metadata))
        else:
            done = await rotate(database, keyring, metadata, report=tell, batch=options.batch)
    finally:
        await database.dispose()
    for line in describe(done):
        tell(line)
    return 0 if done.is_complete else 1


def describe(done: Rotation) -> list[str]:
    """Return the result of a run as lines without personal data."""
    lines = [
        f"{context}: {count} values are left under key {kid}"
        for context, keys in sorted(done.left.items())
        for kid, count in sorted(keys.items())
    ]
    lines += [
        f"{context}: {count} values cannot be decrypted: their key is not in the key ring,"
        " or they are not what was written there"
        for context, count in sorted(done.unreadable.items())
    ]
    if done.is_complete:
        lines.append("nothing is left under another key than the first")
    return lines


def _find(name: str) -> list[MetaData]:
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(sorted(each.name for each in entry_points(group=GROUP)))
        sys.exit(f"perisai-rotate-data-keys: there are no tables of {name}; there are {known}.")
    metadata: list[MetaData] = next(iter(found)).load()
    return metadata


def _read_settings(prefix: str) -> RotationSettings:
    folder = find_secrets_folder("perisai-rotate-data-keys")
    try:
        return RotationSettings(_env_prefix=prefix, _secrets_dir=folder)
    except ValidationError as error:
        names = [f"{prefix}{each['loc'][0]}".upper() for each in error.errors(include_input=False)]
        sys.exit(f"perisai-rotate-data-keys: these variables are missing: {', '.join(names)}.")


if __name__ == "__main__":
    main()
