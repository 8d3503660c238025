"""Members: who may see and change them, and what the other features write on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members import queries, rules
from member_service.members.models import Member, MemberChange
from member_service.members.rules import (
    MemberIdTaken,
    MemberNikRegistered,
    RegistrationState,
    Stamp,
)
from member_service.members.schemas import MemberFacts
from member_service.search_words import service as search_words
from member_service.search_words.service import Named
from member_service.updates import service as updates
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.nik import Nik, parse_nik
from perisai_kit.events.catalogue import MemberEnrolled
from perisai_kit.events.outbox import publish
from perisai_kit.http.visibility import record_shown
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import audit_read

SHOWN_AS = "member"
"""The kind under which a stored answer names the members that it shows."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who can be registered; `id` becomes the id of the member."""

    id: UUID
    facts: MemberFacts
    nik: Nik
    nik_hash: bytes
    attribution_id: UUID


@dataclass(frozen=True, slots=True)
class Registered:
    """ids: the new members. taken: id → why it was refused. own: ids that already had this NIK."""

    ids: frozenset[UUID]
    taken: Mapping[UUID, type[DomainError]]
    own: frozenset[UUID]


async def register(
    session: AsyncSession, candidates: Sequence[Candidate], stamp: Stamp, *, keyring: Keyring
) -> Registered:
    """Register the candidates whose NIK and id are free.

    candidates: at least one; ids and NIKs differ from one another. If several transactions
    register the same NIK at once, exactly one succeeds; the others wait for it.
    """
    ordered = sorted(candidates, key=lambda each: each.nik_hash)
    rows = [_make_member_row(each, stamp, keyring) for each in ordered]
    ids = await queries.insert_once_members(session, rows)
    accepted = [each for each in ordered if each.id in ids]
    refused = [each for each in ordered if each.id not in ids]
    if accepted:
        named = {each.id: _get_named(each) for each in accepted}
        await search_words.record(session, named, keyring=keyring)
        await updates.touch(session, ids)
        await publish(session, *(_make_enrolled_event(each, stamp) for each in accepted))
    holders: dict[bytes, UUID] = {}
    if refused:
        # Only a new statement sees what other transactions have committed meanwhile.
        holders = await queries.list_nik_hashes(
            session,
            ids=[each.id for each in refused],
            nik_hashes=[each.nik_hash for each in refused],
        )
    return Registered(
        ids=ids,
        taken={
            each.id: MemberNikRegistered if each.nik_hash in holders else MemberIdTaken
            for each in refused
        },
        own=frozenset(each.id for each in refused if holders.get(each.nik_hash) == each.id),
    )


def _make_member_row(candidate: Candidate, stamp: Stamp, keyring: Keyring) -> dict[str, Any]:
    facts = candidate.facts
    return {
        "id": candidate.id,
        "nik": candidate.nik.text,
        "nik_hash": candidate.nik_hash,
        "nik_warnings": rules.list_nik_warnings(candidate.nik, facts.sex),
        "kk": facts.kk,
        "full_name": facts.full_name,
        "birth_date_text": facts.birth_date.isoformat(),
        "place_of_birth": facts.place_of_birth,
        "sex": facts.sex,
        "phone": facts.phone,
        "phone_hash": keyring.lookup("phone", facts.phone),
        "email": facts.email,
        "street": facts.address.street,
        "village": facts.address.village,
        "district": facts.address.district,
        "occupations": facts.occupations,
        "declared_income": facts.declared_income,
        "programmes": rules.sort_programmes(facts.programmes),
        "employs_others": facts.employs_others,
        "payer": facts.payer,
        "new_to_bpu": facts.new_to_bpu,
        "new_to_bpu_basis": facts.new_to_bpu_basis,
        "enrolled_on": stamp.on,
        "version": 1,
        "words_version": 1,
        "created_by": stamp.account_id,
        "created_at": stamp.at,
    }


def _get_named(candidate: Candidate) -> Named:
    facts = candidate.facts
    return Named(full_name=facts.full_name, phone=facts.phone, nik=candidate.nik.text)


def _make_enrolled_event(candidate: Candidate, stamp: Stamp) -> MemberEnrolled:
    return MemberEnrolled(
        member_id=candidate.id,
        agent_id=stamp.agent_id,
        wadah_id=stamp.wadah_id,
        branch_code=stamp.branch_code,
        region_code=stamp.region_code,
        new_to_bpu=candidate.facts.new_to_bpu,
        enrolled_on=stamp.on,
    )


async def see(session: AsyncSession, *, member_id: UUID, viewer: Principal) -> Member:
    """Return a member whom the reader may see, for another feature.

    Raises: MemberNotFound.
    """
    member = await queries.get_member(session, member_id, viewer)
    record_shown(session, kind=SHOWN_AS, ids=[member.id])
    audit_read([member.id])
    return member


async def check_visibility(session: AsyncSession, viewer: Principal, ids: Sequence[UUID]) -> None:
    """Check that the reader may still see the members in a stored answer.

    Raises: MemberNotFound.
    """
    for member_id in ids:
        await queries.get_member(session, member_id, viewer)


async def may_see(session: AsyncSession, viewer: Principal, person_id: UUID) -> bool:
    """Tell whether the reader may see a person of this service: a member."""
    return bool(await queries.list_visible(session, [person_id], viewer))


async def list_visible(
    session: AsyncSession, *, member_ids: Sequence[UUID], viewer: Principal
) -> list[Member]:
    """Return those of these members whom the reader may see, in the order asked."""
    found = {row.id: row for row in await queries.list_visible(session, member_ids, viewer)}
    ids = [member_id for member_id in member_ids if member_id in found]
    audit_read(ids)
    return [found[member_id] for member_id in ids]


async def get_identity(session: AsyncSession, *, member_id: UUID, viewer: Principal) -> Member:
    """Return a member whose unmasked data the reader may see.

    Raises: MemberNotFound, also for a member the reader sees only masked.
    """
    member = await queries.get_member(session, member_id, viewer)
    if not rules.may_read_identity(viewer, member):
        raise rules.MemberNotFound
    audit_read([member.id])
    return member


async def lock(
    session: AsyncSession, *, member_id: UUID, viewer: Principal, or_own: bool = False
) -> Member:
    """Lock and return a member whose record the reader may handle.

    or_own: members may lock their own record, too.
    Raises: MemberNotFound.
    """
    member = await queries.get_member(session, member_id, viewer, lock=True)
    may = rules.may_read_identity if or_own else rules.can_handle
    if not may(viewer, member):
        raise rules.MemberNotFound
    record_shown(session, kind=SHOWN_AS, ids=[member.id])
    audit_read([member.id])
    return member


async def is_agent(session: AsyncSession, member_id: UUID) -> bool:
    """Tell whether this member is or ever was an agent."""
    return await queries.is_agent(session, member_id)


async def insert_change(session: AsyncSession, change: MemberChange) -> None:
    """Record which fields of a member were changed."""
    await updates.touch(session, [change.member_id])
    await queries.insert_change(session, change)


async def index_words(session: AsyncSession, keyring: Keyring, limit: int) -> int:
    """Write the search words of at most `limit` members who have none of their present version.

    Return the number of members.
    """
    found = await queries.lock_unindexed(session, limit)
    if found:
        named = {member.id: member.named for member in found}
        await search_words.record(session, named, keyring=keyring)
        await updates.touch(session, named)
        for member in found:
            member.words_version = member.version
        await session.flush()
    return len(found)


async def list_nik_hashes(
    session: AsyncSession, *, ids: Sequence[UUID], nik_hashes: Sequence[bytes]
) -> dict[bytes, UUID]:
    """Return NIK hash → id of the members with one of these ids or hashes."""
    return await queries.list_nik_hashes(session, ids=ids, nik_hashes=nik_hashes)


async def read_phone(session: AsyncSession, member_id: UUID) -> str:
    """Return a member's telephone number, for a message to the member."""
    return (await session.get_one(Member, member_id)).phone


async def find_any(session: AsyncSession, member_id: UUID) -> Member | None:
    """Return a member for any reader: the caller decides what is shown, and records the reading."""
    return await session.get(Member, member_id)


async def lock_any(session: AsyncSession, member_id: UUID) -> Member:
    """Lock and return a member for work without a request. Raises: MemberNotFound."""
    return await queries.lock_member(session, member_id)


async def find_by_nik(
    session: AsyncSession, *, nik: str, viewer: Principal, keyring: Keyring
) -> Member | None:
    """Return the member with this NIK, if the reader may see one.

    Raises: NikInvalid.
    """
    parsed = parse_nik(nik, today=clock.today())
    return await queries.find_by_nik(session, keyring.lookup("nik", parsed.text), viewer)


async def list_enrolled(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when members were enrolled, by id."""
    return await queries.list_enrolled(session, member_ids)


async def lock_visible(
    session: AsyncSession, member_ids: Collection[UUID], *, viewer: Principal
) -> Sequence[UUID]:
    """Lock, in one order, the members whom the reader may see; return their ids."""
    return await queries.lock_visible(session, member_ids, viewer)


async def lock_birth_dates(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, date]:
    """Lock members, and return their dates of birth by id."""
    return await queries.lock_birth_dates(session, member_ids)


async def record_states(
    session: AsyncSession, states: Mapping[UUID, RegistrationState | None]
) -> None:
    """Store the last registrations of members, by member id; at least one."""
    await updates.touch(session, states)
    await queries.update_states(session, states)
