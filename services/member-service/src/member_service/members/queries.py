from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    false,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import lazyload

from member_service.attribution_periods.models import AttributionPeriodRow as Period
from member_service.attribution_periods.models import KnownAgent
from member_service.attribution_periods.queries import is_of
from member_service.members.models import Member, MemberChange
from member_service.members.rules import MemberNotFound, RegistrationState
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.scopes import in_scope
from perisai_kit.db.bulk import any_id
from perisai_kit.domain import clock
from perisai_kit.privacy.columns import seal_values

OFFICERS = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN)


def lists_only_own(viewer: Principal) -> bool:
    """Tell whether the reader's lists show the reader, who has no members to list."""
    return not viewer.has(Role.AGENT, Role.WADAH_ADMIN, *OFFICERS)


def is_visible_to(
    viewer: Principal, *, include_own: bool = True, period: type[Period] = Period
) -> ColumnElement[bool]:
    """Return the condition that a reader may see a member, for a query of `with_attribution`.

    include_own: whether readers see their own membership; a list of other members omits it.
    period: the periods of the query, if they have an alias.
    """
    allowed: list[ColumnElement[bool]] = []
    if include_own and viewer.has(Role.MEMBER) and viewer.member_id:
        allowed.append(period.member_id == viewer.member_id)
    if viewer.has(Role.AGENT) and viewer.agent_id:
        allowed.append(and_(period.agent_id == viewer.agent_id, period.agent_sees))
    if viewer.has(Role.WADAH_ADMIN) and viewer.wadah_id:
        allowed.append(period.wadah_id == viewer.wadah_id)
    if viewer.has(*OFFICERS):
        allowed.append(in_scope(viewer, branch=period.branch_code, region=period.region_code))
    if viewer.has(Role.SERVICE):
        allowed.append(true())
    return or_(false(), *allowed)


def was_visible_to(viewer: Principal) -> ColumnElement[bool]:
    """Return the condition that a period of a member was one of the reader's, then or now."""
    allowed: list[ColumnElement[bool]] = []
    if viewer.has(Role.AGENT) and viewer.agent_id:
        allowed.append(Period.agent_id == viewer.agent_id)
    if viewer.has(Role.WADAH_ADMIN) and viewer.wadah_id:
        allowed.append(Period.wadah_id == viewer.wadah_id)
    if viewer.has(*OFFICERS):
        allowed.append(in_scope(viewer, branch=Period.branch_code, region=Period.region_code))
    return or_(false(), *allowed)


def is_named_to(viewer: Principal) -> ColumnElement[bool]:
    """Return the condition that a reader may see a member's name: rules.may_read_identity."""
    allowed: list[ColumnElement[bool]] = []
    if viewer.has(Role.MEMBER) and viewer.member_id:
        allowed.append(Period.member_id == viewer.member_id)
    if viewer.has(Role.AGENT) and viewer.agent_id:
        allowed.append(and_(Period.agent_id == viewer.agent_id, Period.agent_sees))
    if viewer.has(Role.BRANCH_OFFICER, Role.ADMIN):
        allowed.append(in_scope(viewer, branch=Period.branch_code, region=Period.region_code))
    return or_(false(), *allowed)


def with_attribution(*columns: Any) -> Select[Any]:
    """Return the query of members, each with who cares for the member today."""
    return select(*columns).join(Period, and_(Period.member_id == Member.id, is_of(clock.today())))


async def get_member(
    session: AsyncSession, member_id: UUID, viewer: Principal, *, lock: bool = False
) -> Member:
    """Return a member whom the reader may see. lock: until the transaction ends.

    Raises: MemberNotFound.
    """
    query = with_attribution(Member).where(Member.id == member_id, is_visible_to(viewer))
    member: Member | None = await session.scalar(
        query.with_for_update(of=Member) if lock else query
    )
    if member is None:
        raise MemberNotFound
    return member


async def list_visible(
    session: AsyncSession, member_ids: Collection[UUID], viewer: Principal
) -> Sequence[Member]:
    """Return those of these members whom the reader may see."""
    query = with_attribution(Member).where(Member.id == any_id(member_ids), is_visible_to(viewer))
    return (await session.scalars(query)).all()


async def lock_unindexed(session: AsyncSession, limit: int) -> Sequence[Member]:
    """Lock members whose search words are not those of their version; pass over locked ones."""
    query = select(Member).where(Member.words_version.is_distinct_from(Member.version))
    locked = query.limit(limit).with_for_update(skip_locked=True)
    return (await session.scalars(locked.options(lazyload(Member.attribution_periods)))).all()


async def lock_member(session: AsyncSession, member_id: UUID) -> Member:
    """Lock and return a member. Raises: MemberNotFound."""
    member = await session.get(Member, member_id, with_for_update=True, populate_existing=True)
    if member is None:
        raise MemberNotFound
    return member


async def is_agent(session: AsyncSession, member_id: UUID) -> bool:
    """Tell whether this member is or ever was an agent."""
    agents = select(KnownAgent.agent_id).where(KnownAgent.member_id == member_id)
    return await session.scalar(agents.limit(1)) is not None


async def find_by_nik(session: AsyncSession, nik_hash: bytes, viewer: Principal) -> Member | None:
    query = with_attribution(Member).where(Member.nik_hash == nik_hash, is_visible_to(viewer))
    member: Member | None = await session.scalar(query)
    return member


async def insert_once_members(
    session: AsyncSession, rows: Sequence[dict[str, Any]]
) -> frozenset[UUID]:
    """Insert those whose id and NIK are free; return their ids.

    rows: in the order of their NIK hashes. Otherwise two batches with the
    same people in different orders would deadlock.
    """
    statement = insert_or_skip(Member).on_conflict_do_nothing().returning(Member.id)
    sealed = [seal_values(Member, row) for row in rows]
    return frozenset((await session.execute(statement, sealed)).scalars())


async def list_nik_hashes(
    session: AsyncSession, *, ids: Sequence[UUID], nik_hashes: Sequence[bytes]
) -> dict[bytes, UUID]:
    """Return NIK hash → id of the members with one of these ids or hashes."""
    query = select(Member.nik_hash, Member.id).where(
        or_(Member.id.in_(ids), Member.nik_hash.in_(nik_hashes))
    )
    return {row.nik_hash: row.id for row in await session.execute(query)}


async def insert_change(session: AsyncSession, change: MemberChange) -> None:
    session.add(change)
    await session.flush()


async def list_enrolled(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when members were enrolled, by id."""
    query = select(Member.id, Member.created_at).where(Member.id == any_id(member_ids))
    return {row.id: row.created_at for row in await session.execute(query)}


async def lock_visible(
    session: AsyncSession, member_ids: Collection[UUID], viewer: Principal
) -> Sequence[UUID]:
    """Lock, in one order, the members whom the reader may see; return their ids."""
    query = with_attribution(Member.id).where(
        Member.id == any_id(member_ids), is_visible_to(viewer)
    )
    await session.execute(query.order_by(Member.id).with_for_update(of=Member))
    # Only a new statement sees what a transaction committed while the lock waited for it.
    return (await session.scalars(query.order_by(Member.id))).all()


async def lock_birth_dates(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, date]:
    """Lock members, in one order, and return their dates of birth by id."""
    sealed = Member.birth_date_text
    query = select(Member.id, sealed.column).where(Member.id == any_id(member_ids))
    rows = await session.execute(query.order_by(Member.id).with_for_update())
    return {id_: date.fromisoformat(sealed.read(held, id_)) for id_, held in rows}


_STATES = text(
    """
    WITH new AS (
        SELECT * FROM unnest(:ids, :paid_through, :first_unpaid, :ends_on, :end_reason,
            :unpaid_months) AS new (id, paid_through, first_unpaid, ends_on, end_reason,
            unpaid_months)
    ), stored AS (
        UPDATE members
        SET paid_through = new.paid_through, first_unpaid = new.first_unpaid,
            ends_on = new.ends_on, end_reason = new.end_reason, unpaid_months = new.unpaid_months
        FROM new WHERE members.id = new.id
    )
    UPDATE attribution_periods AS period
    SET first_unpaid = new.first_unpaid, ends_on = new.ends_on, end_reason = new.end_reason,
        unpaid_months = new.unpaid_months
    FROM new
    WHERE period.member_id = new.id
        AND (period.unpaid_months, period.ends_on, period.end_reason)
            IS DISTINCT FROM (new.unpaid_months, new.ends_on, new.end_reason)
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("paid_through", type_=ARRAY(Text())),
    bindparam("first_unpaid", type_=ARRAY(Text())),
    bindparam("ends_on", type_=ARRAY(Date())),
    bindparam("end_reason", type_=ARRAY(Text())),
    bindparam("unpaid_months", type_=ARRAY(Text())),
)


async def update_states(
    session: AsyncSession, states: Mapping[UUID, RegistrationState | None]
) -> None:
    """Store the last registrations of locked members, in one statement, also where lists look."""
    rows = list(states.values())
    await session.execute(
        _STATES,
        {
            "ids": list(states),
            "paid_through": [each and str(each.paid_through) for each in rows],
            "first_unpaid": [each and str(each.first_unpaid) for each in rows],
            "ends_on": [each and each.ends_on for each in rows],
            "end_reason": [each and each.end_reason for each in rows],
            "unpaid_months": [each and " ".join(map(str, each.unpaid_months)) for each in rows],
        },
    )
