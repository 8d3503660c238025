"""The names of agents, asked of agent-service for a page that another service shows."""

import asyncio
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from perisai_kit.domain.errors import DomainError
from perisai_kit.http.types import Text255
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

MAX_NAMES = 200
"""agent-service answers no more at once."""
NAMES_WITHIN_S = 2.0
"""A list is shown without the names of its agents rather than late."""
log = get_logger()


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    agent_id: UUID
    full_name: Text255


class _Names(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[_Named, ...]


class AgentsClient:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find_names(self, agent_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of agents by their ids, in one call; none while it gives no answer.

        agent_ids: the first `MAX_NAMES` are asked for. No transaction may be open.
        """
        asked = [str(agent_id) for agent_id in dict.fromkeys(agent_ids)][:MAX_NAMES]
        if not asked:
            return {}
        try:
            async with asyncio.timeout(NAMES_WITHIN_S):
                answer = await self._client.post("/v1/agent-names", {"agent_ids": asked})
            items = _Names.model_validate(answer).items
        except (DomainError, TimeoutError, ValidationError) as error:
            # The error of an answer that cannot be read holds names.
            log.warning("agent_names.omitted", count=len(asked), error=type(error).__name__)
            return {}
        return {each.agent_id: each.full_name for each in items}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _agents(request: Request) -> AgentsClient:
    client: AgentsClient = request.app.state.agents
    return client


Agents = Annotated[AgentsClient, Depends(_agents)]
