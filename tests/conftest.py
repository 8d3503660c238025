"""The whole platform as real processes, started once for all tests that need it."""

from collections.abc import Iterator

import pytest
from stage.processes import Platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    started = Platform(tmp_path_factory.mktemp("stage"))
    try:
        started.start()
        yield started
    finally:
        started.end()
