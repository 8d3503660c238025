"""An agent, and another wadah to move to, both of November."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.testing.plugin import Step

if TYPE_CHECKING:
    from agent_service_tests.conftest import MakeStep, World

MADE_AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """An agent and another wadah, if a test asks for one of them."""
    asked = {"agent", "other"} & set(request.fixturenames)
    return [make_step(make_both, at=MADE_AT)] if asked else []


async def make_both(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    return await world.agent(), await world.wadah()


@pytest.fixture
def agent(made: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return made[0]


@pytest.fixture
def other(made: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """Another wadah than the agent's."""
    return made[1]
