"""The names of agents and wadahs, asked of agent-service for what another service shows."""

import asyncio
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from perisai_kit.domain.errors import DomainError
from perisai_kit.http.types import Text255
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

MAX_NAMES = 200
"""agent-service answers no more at once: as many as a page of a list has rows at most."""
NAMES_WITHIN_S = 2.0
"""A list is shown without names rather than late."""
log = get_logger()


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID = Field(validation_alias=AliasChoices("agent_id", "wadah_id"))
    name: Text255 = Field(validation_alias=AliasChoices("full_name", "name"))


class _Names(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[_Named, ...]


class AgentsClient:
    """Asks agent-service for names. No transaction may be open."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find_names(self, agent_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of agents by their ids; none while there is no answer in time."""
        return await self._find("/v1/agent-names", "agent_ids", agent_ids)

    async def find_wadah_names(self, wadah_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of wadahs by their ids; none while there is no answer in time."""
        return await self._find("/v1/wadah-names", "wadah_ids", wadah_ids)

    async def _find(self, path: str, field: str, ids: Iterable[UUID]) -> dict[UUID, str]:
        asked = [str(each) for each in dict.fromkeys(ids)]
        found: list[_Named] = []
        try:
            async with asyncio.timeout(NAMES_WITHIN_S):
                for start in range(0, len(asked), MAX_NAMES):
                    body = {field: asked[start : start + MAX_NAMES]}
                    answer = await self._client.post(path, body)
                    found += _Names.model_validate(answer).items
        except (DomainError, TimeoutError, ValidationError) as error:
            # The error of an answer that cannot be read holds names.
            log.warning("names.omitted", of=field, count=len(asked), error=type(error).__name__)
            return {}
        return {each.id: each.name for each in found}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _agents(request: Request) -> AgentsClient:
    client: AgentsClient = request.app.state.agents
    return client


Agents = Annotated[AgentsClient, Depends(_agents)]
