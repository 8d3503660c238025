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


class PhoneMatch(Out):
    member_id: MemberId
    display_name_masked: str


class MemberLookupResult(Out):
    """For a NIK `found` and `member_id`; for a telephone `members`."""

    found: bool = False
    member_id: MemberId | None = None
    members: list[PhoneMatch] = Field(default_factory=list)
