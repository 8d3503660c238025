"""What we ask member-service."""

from uuid import UUID

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.client import ServiceClient


class _Lookup(BaseModel):
    found: bool
    member_id: UUID | None = None


async def find_member_id(members: ServiceClient, *, nik: str) -> UUID | None:
    """Return the member with this NIK, or None. The NIK travels in the body, never in an address.

    Raises: Unavailable when there is no answer that can be read, Invalid for a refused NIK.
    """
    answer = await members.post("/v1/member-lookups", {"nik": nik})
    try:
        lookup = _Lookup.model_validate(answer)
    except ValidationError:
        raise Unavailable from None
    return lookup.member_id if lookup.found else None
