"""Bound and flag the number of members that share one telephone number.

Several members may share a number, such as a family. Many members with one number are a sign of
fraud, and the owner of the number can sign in as all of them.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import Limits
from member_service.shared_phones import queries, rules
from perisai_kit.auth.principal import Principal
from perisai_kit.privacy.keyring import Keyring

MATCHES_SHOWN = 50
COUNTED_ALONE_FROM = 10
"""From this many members on, or half of the limit, enrolments with a number are serialised."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person to register, with the facts that this check needs."""

    id: UUID
    nik_hash: bytes
    phone_hash: bytes


async def find_without_room(
    session: AsyncSession,
    newcomers: Sequence[Newcomer],
    *,
    agent_account: UUID | None,
    limits: Limits,
) -> frozenset[UUID]:
    """Return the newcomers whose number has no room left; earlier newcomers have priority.

    agent_account: of the enrolling agent, if it is an agent. People who are already registered
    take no room.
    """
    wanted = Counter(each.phone_hash for each in newcomers)
    counts = await queries.count_by_phone(session, wanted, made_by=agent_account)
    least = min(limits.members_per_phone, limits.members_per_phone_and_agent)
    close = [
        phone_hash
        for phone_hash, count in wanted.items()
        if counts.get(phone_hash, (0, 0))[0] + count > min(COUNTED_ALONE_FROM, least // 2)
    ]
    if not close:
        return frozenset()
    await queries.lock_phones(session, close)
    counts = await queries.count_by_phone(session, close, made_by=agent_account)
    registered = await members.list_nik_hashes(
        session,
        ids=[each.id for each in newcomers],
        nik_hashes=[each.nik_hash for each in newcomers],
    )
    full = set()
    added: Counter[bytes] = Counter()
    for each in newcomers:
        if each.phone_hash not in close or each.nik_hash in registered:
            continue
        of_all, of_agent = counts.get(each.phone_hash, (0, 0))
        more = added[each.phone_hash] + 1
        if rules.has_room(of_all + more, of_agent + more if agent_account else 0, limits=limits):
            added[each.phone_hash] = more
        else:
            full.add(each.id)
    return frozenset(full)


async def check_room(
    session: AsyncSession, phone: str, *, keyring: Keyring, limits: Limits
) -> None:
    """Check that this number has room for one more member. Raises: PhoneMembersFull."""
    phone_hash = keyring.lookup("phone", phone)
    await queries.lock_phones(session, [phone_hash])
    counts = await queries.count_by_phone(session, [phone_hash], made_by=None)
    if not rules.has_room(counts.get(phone_hash, (0, 0))[0] + 1, 0, limits=limits):
        raise rules.PhoneMembersFull(field="phone")


async def is_phone_shared(
    session: AsyncSession, *, member_id: UUID, viewer: Principal, limits: Limits
) -> bool:
    """Tell whether strikingly many members have this member's number. Raises: MemberNotFound."""
    member = await members.see(session, member_id=member_id, viewer=viewer)
    counts = await queries.count_by_phone(session, [member.phone_hash], made_by=None)
    return counts[member.phone_hash][0] >= limits.shared_phone_from


async def list_by_phone(
    session: AsyncSession, *, phone: str, keyring: Keyring, first: Collection[UUID] = ()
) -> Sequence[Member]:
    """Return at most 50 members with this telephone number, the given members first."""
    phone_hash = keyring.lookup("phone", phone)
    return await queries.list_by_phone(session, phone_hash, first=first, limit=MATCHES_SHOWN)
