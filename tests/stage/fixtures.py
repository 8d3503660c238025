"""The whole platform as real processes, started once for all tests that need it."""

from collections.abc import Callable, Generator, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from stage.processes import ON_THE_PLATFORM, Platform


@cache
def documents_of_services() -> dict[str, dict[str, Any]]:
    """Return the document of each service behind the gateway, by its short name."""
    # Not above, because it imports all services, also where no test asks for them.
    from sandbox.openapi.platform import service_documents  # noqa: PLC0415

    return service_documents()


@cache
def whole_document() -> dict[str, Any]:
    from sandbox.openapi.platform import openapi_document  # noqa: PLC0415 - as above

    return openapi_document(deepcopy(documents_of_services()))


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """Return the document of the API, built from the apps; a test must not change it."""
    return whole_document()


COSTLY: Mapping[str, Callable[[], object]] = {
    "document": whole_document,
    "documented": documents_of_services,
}
"""What fixtures of these names need, and takes seconds; the description of all routes with it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Make what is costly before processes are forked, and not once in each."""
    if not session.config.option.collectonly:
        fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        for name in fixtures & COSTLY.keys():
            COSTLY[name]()
    return (yield)


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
