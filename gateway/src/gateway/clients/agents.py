"""Client of agent-service: the branches, regions and wadahs that there are, an agent's name."""

import uuid
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import NotFound, Unavailable
from perisai_kit.http.types import Code, Text255
from perisai_kit.services.client import ServiceClient


class _Branch(BaseModel):
    code: Code
    region_code: Code


class _Branches(BaseModel):
    items: Sequence[_Branch]


class _Wadah(BaseModel):
    wadah_id: uuid.UUID


class _Wadahs(BaseModel):
    items: Sequence[_Wadah]


class _Named(BaseModel):
    full_name: Text255


async def find_region_of_branch(client: ServiceClient, branch_code: str) -> str | None:
    """Return the code of a branch's region; None if there is no such branch.

    Raises: Unavailable without a readable answer.
    """
    try:
        return _Branch.model_validate(await client.get(f"/v1/branches/{branch_code}")).region_code
    except NotFound:
        return None
    except ValidationError:
        raise Unavailable from None


async def has_region(client: ServiceClient, region_code: str) -> bool:
    """Tell whether a region has a branch. Raises: Unavailable without a readable answer."""
    asked: dict[str, str | int] = {"region_code": region_code, "limit": 1}
    try:
        return bool(_Branches.model_validate(await client.get("/v1/branches", asked)).items)
    except ValidationError:
        raise Unavailable from None


async def has_wadah(client: ServiceClient, wadah_id: uuid.UUID) -> bool:
    """Tell whether there is such a wadah. Raises: Unavailable without a readable answer."""
    answer = await client.post("/v1/wadah-names", {"wadah_ids": [str(wadah_id)]})
    try:
        return wadah_id in {each.wadah_id for each in _Wadahs.model_validate(answer).items}
    except ValidationError:
        raise Unavailable from None


async def read_own_name(client: ServiceClient, *, authorization: str, timeout_s: float) -> str:
    """Return the name of the agent who asks, with the agent's own token.

    Raises: the kind of error of the answer, Unavailable without a readable answer in time.
    """
    answer = await client.get("/v1/me/agent", timeout_s=timeout_s, authorization=authorization)
    try:
        return _Named.model_validate(answer).full_name
    except ValidationError:
        raise Unavailable from None
