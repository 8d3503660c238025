"""What the tests of all packages share: one PostgreSQL a process, and how they are spread."""

from collections.abc import Iterator

import hypothesis
import pytest

from sandbox.postgres import Postgres

# Few examples in every run, many in a long one (HYPOTHESIS_PROFILE=soak). No deadline: a busy
# machine is no failure.
hypothesis.settings.register_profile("check", max_examples=25, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile("check")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of this run's own on a free port; databases are made as tests need them."""
    with Postgres(tmp_path_factory.mktemp("postgres"), fsync=False) as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file's tests in one process, and all that start the platform in another."""
    for item in items:
        group = "platform" if item.get_closest_marker("e2e") else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
