"""Limits on members with one telephone number."""

from member_service.members.rules import Limits
from perisai_kit.domain.errors import Conflict


class PhoneMembersFull(Conflict):
    code = "phone_members_full"
    text = (
        "Too many members have this telephone number already. Enter the member's own number, or "
        "ask the branch."
    )
    text_id = (
        "Sudah terlalu banyak peserta memakai nomor telepon ini. Isi nomor peserta sendiri, atau "
        "tanyakan ke kantor cabang."
    )


def has_room(of_all: int, of_agent: int, *, limits: Limits) -> bool:
    """Tell whether a number may have this many members, and this many of one agent."""
    return of_all <= limits.members_per_phone and of_agent <= limits.members_per_phone_and_agent
