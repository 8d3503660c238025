"""Partitions are made with the migrations, and again while the platform runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.databases import keep_partitions, migrate
from sandbox.postgres import Postgres
from sandbox.services import load_services

PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'callbacks'::regclass"
NEWEST = """
    SELECT max(inhrelid::regclass::text) FROM pg_inherits
    WHERE inhparent = 'callbacks'::regclass AND inhrelid::regclass::text LIKE 'callbacks_2%'
"""


@pytest.mark.soak
async def test_partitions_are_made_at_the_start_and_a_missing_one_while_it_runs(
    with_cluster: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PERISAI_PAYMENT_DATABASE_URL", "PERISAI_PAYMENT_OWNER_DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    services = [each for each in load_services({}) if each.name == "payment"]
    shown: list[str] = []
    with Postgres(with_cluster(tmp_path), fsync=False) as postgres:
        migrate(services, postgres)
        made = int(postgres.query("payment", PARTITIONS))
        postgres.query("payment", f"DROP TABLE {postgres.query('payment', NEWEST)}")

        keeping = asyncio.create_task(
            keep_partitions(services, postgres, show=shown.append, first_s=0)
        )
        async with asyncio.timeout(60):
            while int(postgres.query("payment", PARTITIONS)) < made:  # noqa: ASYNC110 - a table
                await asyncio.sleep(1)
        keeping.cancel()
        await asyncio.wait([keeping])

    assert made >= 4  # of before, default, and two months at least
    assert shown == []
