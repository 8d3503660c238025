"""Client of member-service: the members with a telephone number, and the name of one."""

import uuid
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from perisai_kit.domain.errors import DomainError, Unavailable
from perisai_kit.http.types import ShortText, Text255
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

log = get_logger()


class Person(BaseModel):
    member_id: uuid.UUID
    display_name_masked: ShortText


class _Named(BaseModel):
    full_name: Text255


class _People(BaseModel):
    members: Annotated[list[Person], Field(max_length=50)]


async def find_people_with_phone(
    client: ServiceClient, phone: str, *, known: Sequence[uuid.UUID]
) -> Sequence[Person] | None:
    """Return the members with this number; None if member-service gives no usable answer.

    known: members who come first if there are more than an answer holds. A sign-in must not depend
    on it: without an answer only the known accounts are offered.
    """
    try:
        asked = {"phone": phone, "known_member_ids": [str(each) for each in known]}
        answer = await client.post("/v1/member-lookups", asked)
        return _People.model_validate(answer).members
    except (DomainError, ValidationError) as error:
        log.warning("member_lookup.unanswered", error=type(error).__name__)
        return None


async def read_own_name(
    client: ServiceClient, member_id: uuid.UUID, *, authorization: str, timeout_s: float
) -> str:
    """Return the name of the member who asks, with the member's own token.

    Raises: the kind of error of the answer, Unavailable without a readable answer in time.
    """
    answer = await client.get(
        f"/v1/members/{member_id}", timeout_s=timeout_s, authorization=authorization
    )
    try:
        return _Named.model_validate(answer).full_name
    except ValidationError:
        raise Unavailable from None
