"""Where a measurement that changes a database finds room for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.results import BenchError
from bench.stage import Stage
from sandbox.postgres import Postgres
from sandbox.vault import load_secrets

MORE_THAN_A_DISK = 2**62


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Postgres(tmp_path / "postgres", fsync=False) as postgres:
        for statement in ("ROLE a_owner", "ROLE a_app", "DATABASE a OWNER a_owner"):
            postgres.query("postgres", f"CREATE {statement}")
        postgres.query("a", "CREATE TABLE kept AS SELECT 1 AS number")
        yield Stage(tmp_path, postgres, {}, load_secrets(tmp_path))


def test_what_is_borrowed_is_a_copy_that_is_dropped(stage: Stage) -> None:
    with stage.borrow("a", spare_bytes=0) as database:
        stage.postgres.query(database, "DROP TABLE kept")

    assert database != "a"
    assert not stage.has(database)
    assert stage.count("a", "SELECT count(*) FROM kept") == 1
    assert not stage.is_used_up


def test_a_copy_is_dropped_also_if_the_measurement_fails(stage: Stage) -> None:
    with pytest.raises(BenchError), stage.borrow("a", spare_bytes=0) as database:
        raise BenchError

    assert not stage.has(database)
    assert stage.has("a")


def test_without_room_for_a_copy_it_is_the_database_itself(stage: Stage) -> None:
    with (
        pytest.raises(BenchError),
        stage.borrow("a", spare_bytes=MORE_THAN_A_DISK) as database,
    ):
        raise BenchError  # also then it may have been changed

    assert database == "a"
    assert stage.has("a")
    assert stage.is_used_up
