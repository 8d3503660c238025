"""What the tests of all packages share: one PostgreSQL a run."""

from collections.abc import Iterator

import pytest

from sandbox.postgres import Postgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of this run's own on a free port; databases are made as tests need them."""
    with Postgres(tmp_path_factory.mktemp("postgres"), fsync=False) as server:
        yield server
