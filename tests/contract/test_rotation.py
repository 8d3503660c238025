"""New data keys for all services, with the commands that an operator uses."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract.encrypted import TABLES, loosened, models_of, new_row, value_of
from sqlalchemy import insert, select
from sqlalchemy.orm import load_only
from stage.commands import run_perisai

from perisai_kit.db.engine import Database
from perisai_kit.privacy.columns import get_sealed_columns, seal_values
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls
from sandbox.rotate import DATA_KEY_IDS, first_key_ids
from sandbox.vault import Secrets, load_secrets

ROWS = 40


def keyring_of(secrets: Secrets, service: str) -> Keyring:
    own = secrets.services[service]
    return Keyring.parse(own.data_keys, own.lookup_key)


async def fill(urls: Urls, service: str, keyring: Keyring) -> None:
    async with loosened(urls):
        database = Database(urls.owner, keyring=keyring, pool_size=1)
        async with database.begin() as session:
            for model in models_of(service):
                for number in range(ROWS):
                    row = seal_values(model, new_row(model, str(number)))
                    await session.execute(insert(model).values(row))
        await database.dispose()


async def read_all(urls: Urls, service: str, keyring: Keyring) -> dict[str, set[Any]]:
    database = Database(urls.owner, keyring=keyring, pool_size=1)
    found: dict[str, set[Any]] = {}
    async with database.read() as session:
        for model in models_of(service):
            columns = get_sealed_columns(model)
            wanted = load_only(*(getattr(model, each.key) for each in columns))
            rows = (await session.scalars(select(model).options(wanted))).all()
            found |= {each.context: {getattr(row, each.name) for row in rows} for each in columns}
    await database.dispose()
    return found


def expected(service: str) -> dict[str, set[Any]]:
    columns = [each for model in models_of(service) for each in get_sealed_columns(model)]
    return {each.context: {value_of(each, str(n)) for n in range(ROWS)} for each in columns}


def kill_in_the_middle(urls: Urls, secrets: Secrets, service: str) -> None:
    """Start the production command with small batches and kill it after its first lines."""
    own, prefix = secrets.services[service], f"PERISAI_{service.upper()}_"
    command = [sys.executable, "-m", "perisai_kit.services.rotate_data_keys", service]
    running = subprocess.Popen(
        [*command, "--batch", "1"],
        env={
            **os.environ,
            f"{prefix}OWNER_DATABASE_URL": urls.owner,
            f"{prefix}DATA_KEYS": own.data_keys,
            f"{prefix}LOOKUP_KEY": own.lookup_key,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for _ in range(3):
        assert " are re-encrypted" in running.stdout.readline()
    running.kill()
    running.communicate(timeout=60)


def rotate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_perisai("rotate-data-keys", "--folder", folder, *words)


@pytest.mark.soak
async def test_old_keys_go_although_a_rotation_was_killed_in_the_middle(
    tmp_path: Path, own_database: Callable[[str], Urls]
) -> None:
    before = load_secrets(tmp_path)
    urls = {service: own_database(service) for service in TABLES}
    for service in TABLES:
        await fill(urls[service], service, keyring_of(before, service))
    described: dict[str, Any] = {
        "databases": {name: {"app": each.app, "owner": each.owner} for name, each in urls.items()},
        DATA_KEY_IDS: first_key_ids(before),
    }
    (tmp_path / "sandbox.json").write_text(json.dumps(described))

    made = rotate(tmp_path, "--new-key")
    too_early = rotate(tmp_path)
    both = load_secrets(tmp_path)
    (tmp_path / "sandbox.json").write_text(
        json.dumps({**described, DATA_KEY_IDS: first_key_ids(both)})
    )
    kill_in_the_middle(urls["member"], both, "member")
    halfway = await read_all(urls["member"], "member", keyring_of(both, "member"))
    done = rotate(tmp_path)
    after = load_secrets(tmp_path)

    assert made.returncode == 0, made.stderr
    assert too_early.returncode == 1
    assert "start the sandbox anew" in too_early.stderr
    assert halfway == expected("member")
    assert done.returncode == 0, done.stderr
    assert set(first_key_ids(after).values()) == {"k2"}
    for service in TABLES:
        assert after.services[service].data_keys.count(":") == 1
        found = await read_all(urls[service], service, keyring_of(after, service))
        assert found == expected(service)
