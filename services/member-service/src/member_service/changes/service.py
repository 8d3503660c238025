"""Changes of a member's record: by one person at once, or applied for a confirmed correction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.changes import rules
from member_service.changes.schemas import MemberPatch
from member_service.members import rules as member_rules
from member_service.members import service as members
from member_service.members.models import Member, MemberChange
from member_service.members.rules import Limits
from member_service.search_words import service as search_words
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Invalid, PreconditionFailed, together
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.outbox import publish
from perisai_kit.http.answers.etag import allows
from perisai_kit.privacy.keyring import Keyring


async def change(
    session: AsyncSession,
    *,
    member_id: UUID,
    patch: MemberPatch,
    if_match: str,
    viewer: Principal,
    limits: Limits,
    keyring: Keyring,
) -> Member:
    """Change a member's record. It applies to bills issued from now on.

    if_match: the ETags the client may have read; `*` for any. Payments do not change the ETag.
    Raises: MemberNotFound, PreconditionFailed, AgentsOwnRecord, and what the rules refuse.
    """
    member = await members.lock(session, member_id=member_id, viewer=viewer)
    if not allows(if_match, member.version):
        raise PreconditionFailed
    if not viewer.has(Role.BRANCH_OFFICER, Role.ADMIN) and await members.is_agent(
        session, member.id
    ):
        raise rules.AgentsOwnRecord
    sent = patch.model_dump(exclude_unset=True)
    await apply(session, member, sent, made_by=viewer.account_id, limits=limits, keyring=keyring)
    return member


async def apply(
    session: AsyncSession,
    member: Member,
    sent: Mapping[str, Any],
    *,
    made_by: UUID,
    limits: Limits,
    keyring: Keyring,
) -> frozenset[str]:
    """Change a locked member, record and publish it; return the fields that differ.

    Raises: what the rules refuse.
    """
    values = flatten(sent)
    changed = find_differences(member, values)
    problems = find_problems(member, {name: values[name] for name in changed}, limits)
    if problems:
        raise together(problems)
    if not changed:
        return changed
    for name in changed:
        setattr(member, name, values[name])
    if "phone" in changed:
        member.phone_hash = keyring.lookup("phone", member.phone)
    if changed & rules.BIRTH_FIELDS:
        nik = member_rules.read_nik(member.nik, birth_date=member.birth_date, on=member.enrolled_on)
        member.nik_warnings = member_rules.list_nik_warnings(nik, member.sex)
    if changed & rules.NAMED_FIELDS:
        await search_words.record(session, {member.id: member.named}, keyring=keyring)
    if member.words_version == member.version or changed & rules.NAMED_FIELDS:
        member.words_version = member.version + 1
    member.version += 1
    change = MemberChange(
        member_id=member.id,
        version=member.version,
        changed=sorted(changed),
        made_by=made_by,
        made_at=clock.now(),
    )
    await members.insert_change(session, change)
    await publish(session, MemberUpdated(member_id=member.id, changed=tuple(sorted(changed))))
    return changed


def flatten(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by column: address fields separately, programmes sorted."""
    values = {**sent, **(sent.get("address") or {})}
    values.pop("address", None)
    if "programmes" in values:
        values["programmes"] = member_rules.sort_programmes(values["programmes"])
    return values


def find_differences(member: Member, values: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the values that differ from the member's record."""
    return frozenset(name for name, value in values.items() if getattr(member, name) != value)


def find_problems(member: Member, values: Mapping[str, Any], limits: Limits) -> list[Invalid]:
    """Return what the rules refuse of the record that these new values would give."""

    def new(name: str) -> Any:
        return values.get(name, getattr(member, name))

    problems: list[Invalid] = []
    if values.keys() & rules.CONTRIBUTION_FIELDS:
        problems += member_rules.find_contribution_problems(
            declared_income=new("declared_income"),
            programmes=new("programmes"),
            employs_others=new("employs_others"),
            occupations=new("occupations"),
            limits=limits,
        )
    if "birth_date" in values:
        born = member_rules.find_birth_date_problem(
            new("birth_date"), limits=limits, on=member.enrolled_on
        )
        problems += [born] if born else []
    return problems
