"""Look up members by NIK or telephone number, and return no more than other services need."""

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.lookups.rules import LookupNeedsOne
from member_service.lookups.schemas import MemberLookup, MemberLookupResult, PhoneMatch
from member_service.members import service as members
from member_service.shared_phones import service as shared_phones
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import Forbidden, check_one_given
from perisai_kit.domain.names import is_same_name
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.masks import mask_name
from perisai_kit.privacy.read_audit import audit_read


async def look_up(
    session: AsyncSession,
    *,
    asked: MemberLookup,
    viewer: Principal,
    keyring: Keyring,
) -> MemberLookupResult:
    """Answer for a NIK, within what the reader may see, or for a telephone number.

    Raises: LookupNeedsOne, NikInvalid; Forbidden if a person sends a telephone number or a
    name.
    """
    check_one_given(LookupNeedsOne, nik=asked.nik, phone=asked.phone)
    if not viewer.has(Role.SERVICE) and (asked.phone or asked.full_name):
        raise Forbidden
    if asked.nik is not None:
        member = await members.find_by_nik(session, nik=asked.nik, viewer=viewer, keyring=keyring)
        audit_read([member.id] if member else [])
        found = MemberLookupResult(
            found=member is not None, member_id=member.id if member else None
        )
        if asked.full_name is not None:
            found.same_name = member is not None and is_same_name(asked.full_name, member.full_name)
        return found
    sharing = await shared_phones.list_by_phone(
        session, phone=asked.phone or "", keyring=keyring, first=asked.known_member_ids
    )
    audit_read(member.id for member in sharing)
    return MemberLookupResult(
        members=[
            PhoneMatch(member_id=member.id, display_name_masked=mask_name(member.full_name))
            for member in sharing
        ]
    )
