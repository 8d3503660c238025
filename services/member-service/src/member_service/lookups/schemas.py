from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.members.schemas import NikText
from perisai_kit.http.types import (
    MemberId,
    Model,
    Out,
    PersonName,
    Phone,
)


class MemberLookup(Model):
    """Exactly one of NIK and telephone."""

    nik: NikText | None = None
    full_name: Annotated[
        PersonName | None,
        Field(description="With a NIK: a name to compare with the member's. For services only."),
    ] = None
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
    """For a NIK `found` and `member_id`, with a name `same_name`; for a telephone `members`."""

    found: bool = False
    member_id: MemberId | None = None
    same_name: Annotated[
        bool, Field(description="Whether the member's name is the one that was sent.")
    ] = False
    members: list[PhoneMatch] = Field(default_factory=list)
