"""Two TypeScript clients are generated without a warning, compile and run."""

from collections.abc import Callable

import pytest
from clients.conftest import TOOLS, Workshop, check_program

pytestmark = [pytest.mark.clients, pytest.mark.usefixtures("node")]
COMPILER = TOOLS / "node_modules" / "typescript-compiler" / "bin" / "tsc"
"""Version 7, in a seventh of the time; the generators need the library of version 5."""


async def test_clients_in_typescript_compile_and_run(
    make_workshop: Callable[[str], Workshop], platform: dict[str, str]
) -> None:
    workshop = make_workshop("typescript")
    workshop.take("tsconfig.json", "openapi-ts.config.mjs")
    workshop.take("openapi_typescript.ts", to="openapi-typescript")
    workshop.take("hey_api.ts", to="hey-api")
    types = "openapi-typescript/schema.d.ts"

    outputs = [
        await workshop.run_node("openapi-typescript", "openapi.json", "-o", types),
        await workshop.run_node("openapi-ts", "-f", "openapi-ts.config.mjs"),
    ]
    await workshop.run("node", COMPILER, "--project", "tsconfig.json")

    assert [each for each in outputs if "warn" in each.lower()] == []
    for program in ("openapi-typescript/openapi_typescript", "hey-api/hey_api"):
        check_program(await workshop.run("node", f"js/{program}.js", **platform))
