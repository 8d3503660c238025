"""Two linters find nothing in the document."""

import json
from collections.abc import Callable

import pytest
from clients.conftest import Workshop

pytestmark = [pytest.mark.clients, pytest.mark.usefixtures("node")]
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


async def test_redocly_finds_nothing(make_workshop: Callable[[str], Workshop]) -> None:
    workshop = make_workshop("redocly")
    workshop.take("redocly.yaml")

    output = await workshop.run_node("redocly", "lint", "--format=json", "openapi.json", **QUIET)

    found, _ = json.JSONDecoder().raw_decode(output[output.index("{") :])
    assert found["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}, found["problems"]


async def test_spectral_finds_nothing(make_workshop: Callable[[str], Workshop]) -> None:
    workshop = make_workshop("spectral")
    workshop.take("spectral.yaml")

    output = await workshop.run_node(
        "spectral", "lint", "--ruleset=spectral.yaml", "--fail-severity=hint", "openapi.json"
    )

    assert "No results" in output
