"""The whole platform as real processes, started once for all tests that need it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stage.processes import ON_THE_PLATFORM, Platform


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """Return the document of the API, built from the apps; a test must not change it."""
    # Not above, because it imports all services, also where no test asks for them.
    from sandbox.openapi.platform import openapi_document  # noqa: PLC0415

    return openapi_document()


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
