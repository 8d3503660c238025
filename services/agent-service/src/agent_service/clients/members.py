"""What we ask member-service."""

from uuid import UUID

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.client import ServiceClient


class MemberFound(BaseModel):
    """member_id: of the member with the NIK, if there is one. same_name: as the one asked for."""

    member_id: UUID | None = None
    same_name: bool = False


async def find_member(members: ServiceClient, *, nik: str, full_name: str) -> MemberFound:
    """Return the member with this NIK, and whether the name is the same.

    NIK and name travel in the body, never in an address.
    Raises: Unavailable when there is no answer that can be read, Invalid for a refused NIK.
    """
    answer = await members.post("/v1/member-lookups", {"nik": nik, "full_name": full_name})
    try:
        return MemberFound.model_validate(answer)
    except ValidationError:
        raise Unavailable from None
