"""An agent with a verified account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from perisai_kit.testing.plugin import Step

if TYPE_CHECKING:
    from agent_service_tests.conftest import MakeStep, World


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """An agent, if a test asks for one."""
    return [make_step(make_agent)] if "agent" in request.fixturenames else []


async def make_agent(world: World) -> dict[str, Any]:
    return await world.agent()


@pytest.fixture
def agent(made: dict[str, Any]) -> dict[str, Any]:
    """An agent whose account came from the application."""
    return made
