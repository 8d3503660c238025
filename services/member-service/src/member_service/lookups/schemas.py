from typing import Annotated
from uuid import UUID

from pydantic import Field

from member_service.members.schemas import NikText
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import MemberId, Model, Out, PersonName, with_example


class MemberLookup(Model):
    """Exactly one of NIK and telephone."""

    model_config = with_example(nik="3510111203900001")

    nik: NikText | None = None
    full_name: Annotated[
        PersonName | None,
        Field(description="With a NIK: a name to compare with the member's. For services only."),
    ] = None
    phone: Annotated[Phone | None, Field(description="A telephone number.")] = None
    known_member_ids: Annotated[
        list[UUID],
        Field(
            max_length=50,
            description="With a telephone: members who come first if there are more than 50.",
        ),
    ] = Field(default_factory=list)


class PhoneMatch(Out):
    member_id: MemberId
    display_name_masked: Annotated[str, Field(description="Name of the member, masked.")]


class MemberLookupResult(Out):
    """For a NIK `found` and `member_id`, with a name `same_name`; for a telephone `members`."""

    found: Annotated[bool, Field(description="For a NIK: whether there is such a member.")] = False
    member_id: MemberId | None = None
    same_name: Annotated[
        bool, Field(description="Whether the member's name is the one that was sent.")
    ] = False
    members: Annotated[
        list[PhoneMatch], Field(description="For a telephone: the members who gave it.")
    ] = Field(default_factory=list)
