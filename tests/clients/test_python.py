"""A Python client is generated without a warning, compiles and runs."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from clients.conftest import TOOLS, Workshop, check_program

pytestmark = pytest.mark.clients
PYTHON = TOOLS / "python" / "bin"


async def test_a_client_in_python_compiles_and_runs(
    make_workshop: Callable[[str], Workshop], platform: dict[str, str]
) -> None:
    workshop = make_workshop("openapi-python-client")
    workshop.take("openapi_python_client.py")
    # The generator formats with ruff, which is beside our own Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    generate = ("generate", "--fail-on-warning", "--meta=none", "--path=openapi.json")

    await workshop.run(
        PYTHON / "openapi-python-client", *generate, "--output-path=perisai_client", PATH=path
    )
    await workshop.run(PYTHON / "python", "-m", "compileall", "-q", "perisai_client")

    check_program(await workshop.run(PYTHON / "python", "openapi_python_client.py", **platform))
