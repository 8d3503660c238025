"""What the tests of all packages share: one PostgreSQL a process, and how they are spread."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sandbox.postgres import Postgres

# Few examples in every run, many in a long one (HYPOTHESIS_PROFILE=soak). No deadline: a busy
# machine is no failure.
hypothesis.settings.register_profile("check", max_examples=15, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))


PLATFORM = ("tests/e2e/", "tests/faults/", "tests/outside/", "sandbox/tests/test_run.py")
"""Where tests start all processes; two platforms at once would starve each other."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of this run's own on a free port; databases are made as tests need them."""
    with Postgres(tmp_path_factory.mktemp("postgres"), fsync=False) as server:
        yield server


class OneProcessAFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist says no types
    """Keeps each file's tests in one process, and all that start the platform in another.

    A scheduler of our own, because xdist's groups do nothing under this version of pytest.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "platform" if file.startswith(PLATFORM) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use one process more than there are cores: the one with the platform mostly waits for it."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Spread the tests as they share what is dear to start."""
    return OneProcessAFile(config, log)
