"""The whole platform as real processes, started once for all tests that need it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stage.processes import ON_THE_PLATFORM, Platform

RUNNING = pytest.StashKey[Platform]()


@pytest.fixture(scope="session")
def platform(in_memory: Callable[[str], Path], pytestconfig: pytest.Config) -> Iterator[Platform]:
    started = pytestconfig.stash[RUNNING] = Platform(in_memory("stage"))
    try:
        started.start()
        yield started
    finally:
        started.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Stop the platform after its last test, because it is busy even when nobody asks it."""
    yield
    if nextitem is not None and not nextitem.nodeid.startswith(ON_THE_PLATFORM):
        started = item.config.stash.get(RUNNING, None)
        if started is not None:
            started.end()
