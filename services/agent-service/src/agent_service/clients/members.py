"""Requests to member-service."""

from uuid import UUID

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.client import ServiceClient


class MemberFound(BaseModel):
    """Result of a look-up. member_id: the member with the NIK, if any. same_name: names agree."""

    member_id: UUID | None = None
    same_name: bool = False


async def find_member(members: ServiceClient, *, nik: str, full_name: str) -> MemberFound:
    """Return the member with this NIK, and whether the name is the same.

    NIK and name are sent in the body, never in the URL.
    Raises: Unavailable if there is no readable answer, Invalid for a refused NIK.
    """
    answer = await members.post("/v1/member-lookups", {"nik": nik, "full_name": full_name})
    try:
        return MemberFound.model_validate(answer)
    except ValidationError:
        raise Unavailable from None
