from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.members.schemas import NikText
from perisai_kit.http.types import (
    MemberId,
    Model,
    Out,
    Phone,
)


class MemberLookup(Model):
    """Exactly one of the two."""

    nik: NikText | None = None
    phone: Phone | None = None
    known_member_ids: Annotated[
        list[UUID],
        Field(
            max_length=50,
            description="With a telephone: members who come first if there are more than 50.",
        ),
    ] = Field(default_factory=list)


class PhoneMatch(Out):
    member_id: MemberId
    display_name_masked: str


class MemberLookupResult(Out):
    """For a NIK `found` and `member_id`; for a telephone `members`."""

    found: bool = False
    member_id: MemberId | None = None
    members: list[PhoneMatch] = Field(default_factory=list)
