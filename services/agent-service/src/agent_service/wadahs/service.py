"""Wadahs: registered with a branch, active while an agreement covers the day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs import service as agent_wadahs
from agent_service.agreements import service as agreements
from agent_service.agreements.models import Agreement
from agent_service.agreements.schemas import NewAgreement
from agent_service.branches import service as branches
from agent_service.history import make_change_columns
from agent_service.settings import Settings
from agent_service.wadahs import queries, rules
from agent_service.wadahs.models import Wadah, WadahChange
from agent_service.wadahs.rules import Caution, WadahStatus
from agent_service.wadahs.schemas import NewTermination, NewWadah
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import WadahTerminated
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class Described:
    """A wadah with its agreements, warnings and history."""

    wadah: Wadah
    active: bool
    agreements: Sequence[Agreement]
    warnings: tuple[Caution, ...]
    history: Sequence[WadahChange]


async def register(
    session: AsyncSession, new: NewWadah, *, by: Principal, settings: Settings
) -> Described:
    """Register a wadah, with its first agreement where there is one already.

    Raises: BranchNotFound, BranchOutOfScope, AgreementEndsBeforeStart, AgreementTooLong.
    """
    branch = await branches.get(session, new.branch_code, field="branch_code")
    branches.check_in_scope(by, branch_code=branch.code, region_code=branch.region_code)
    now = clock.now()
    wadah = Wadah(
        id=new_id(),
        name=new.name,
        kind=new.kind,
        legal_entity=new.legal_entity,
        branch_code=branch.code,
        region_code=branch.region_code,
        status=WadahStatus.REGISTERED,
        reason_code=None,
        agent_count=0,
        created_at=now,
        created_by=by.account_id,
    )
    session.add(wadah)
    await session.flush()
    _record_change(session, wadah, None, by=by, at=now)
    if new.agreement is not None:
        await agreements.sign(
            session, wadah.id, new.agreement, by=by, settings=settings, at="agreement."
        )
    await session.flush()
    return await _describe(session, wadah, settings)


async def add_agreement(
    session: AsyncSession, wadah_id: UUID, new: NewAgreement, *, by: Principal, settings: Settings
) -> Described:
    """Record another agreement (PKS). Agreements are never edited.

    Raises: WadahNotFound, BranchOutOfScope, WadahTerminated, AgreementNumberTaken,
    AgreementEndsBeforeStart, AgreementTooLong.
    """
    wadah = await _lock_to_decide(session, wadah_id, by)
    rules.check_takes_agreements(wadah.status)
    await agreements.sign(session, wadah.id, new, by=by, settings=settings)
    return await _describe(session, wadah, settings)


async def terminate(
    session: AsyncSession, wadah_id: UUID, new: NewTermination, *, by: Principal, settings: Settings
) -> Described:
    """End the cooperation with a wadah, for good, and publish it. Planned moves to it end too.

    Raises: WadahNotFound, BranchOutOfScope, WadahTerminated.
    """
    wadah = await _lock_to_decide(session, wadah_id, by)
    rules.check_next(wadah.status, WadahStatus.TERMINATED)
    now, before = clock.now(), wadah.status
    wadah.status, wadah.reason_code = WadahStatus.TERMINATED, new.reason_code
    _record_change(session, wadah, before, by=by, at=now, reason=new.reason)
    await session.flush()
    event = WadahTerminated(wadah_id=wadah.id, reason_code=new.reason_code.value, decided_at=now)
    await publish(session, event)
    await agent_wadahs.cancel_to_wadah(session, wadah.id, by=by, at=now)
    return await _describe(session, wadah, settings)


async def describe(
    session: AsyncSession, wadah_id: UUID, *, principal: Principal, settings: Settings
) -> Described:
    """Return one wadah with its agreements, warnings and history.

    Raises: WadahNotFound, also for one the subject may not see.
    """
    seen = queries.is_visible_to(principal, on=clock.today())
    return await _describe(session, await queries.get_visible(session, wadah_id, seen), settings)


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    branch_code: str | None,
    cursor: str | None,
    limit: int,
) -> Slice[tuple[Wadah, bool]]:
    """Return one page of the wadahs a subject may see, each with whether it is active today."""
    today = clock.today()
    rows = await queries.list_page(
        session,
        seen=queries.is_visible_to(principal, on=today),
        on=today,
        branch_code=branch_code,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda row: row[0].id)


async def get_choosable(
    session: AsyncSession, wadah_id: UUID, *, principal: Principal, field: str
) -> Wadah:
    """Return the wadah that an applicant has chosen among the active ones.

    field: the request's field that named it.
    Raises: WadahNotFound, WadahNotActive.
    """
    seen = queries.is_visible_to(principal, on=clock.today())
    wadah = await queries.get_visible(session, wadah_id, seen, field=field)
    await _check_active(session, wadah, on=clock.today())
    return wadah


async def get_managed(
    session: AsyncSession, wadah_id: UUID, *, principal: Principal, field: str | None = None
) -> Wadah:
    """Return a wadah whose affairs the subject may see. Raises: WadahNotFound naming `field`."""
    seen = queries.is_managed_by(principal)
    return await queries.get_visible(session, wadah_id, seen, field=field)


async def list_by_ids(session: AsyncSession, wadah_ids: Collection[UUID]) -> Sequence[Wadah]:
    """Return the wadahs among these ids, for another service."""
    return await queries.list_by_ids(session, wadah_ids)


async def find_inactive_reason(session: AsyncSession, wadah_id: UUID, *, on: date) -> str | None:
    """Return why a wadah is not active on a day, or None if it is."""
    wadah = await session.get_one(Wadah, wadah_id)
    return rules.find_inactive_reason(
        wadah.status, await agreements.list_periods(session, wadah_id), on
    )


async def lock_active(session: AsyncSession, wadah_id: UUID, *, on: date) -> None:
    """Lock a wadah that gets an agent, after the agent's row as everywhere.

    Raises: WadahNotActive.
    """
    wadah = await queries.lock_wadah(session, wadah_id)
    await _check_active(session, wadah, on=on)


async def lock(session: AsyncSession, wadah_id: UUID) -> None:
    """Lock a wadah before its agents are counted."""
    await queries.lock_wadah(session, wadah_id)


async def set_agent_count(session: AsyncSession, wadah_id: UUID, count: int) -> None:
    """Store the number of active agents of a locked wadah."""
    wadah = await session.get_one(Wadah, wadah_id)
    wadah.agent_count = count
    await session.flush()


async def _lock_to_decide(session: AsyncSession, wadah_id: UUID, by: Principal) -> Wadah:
    seen = queries.is_visible_to(by, on=clock.today())
    wadah = await queries.lock_wadah(session, wadah_id, seen)
    branches.check_in_scope(by, branch_code=wadah.branch_code, region_code=wadah.region_code)
    return wadah


async def _check_active(session: AsyncSession, wadah: Wadah, *, on: date) -> None:
    rules.check_active(wadah.status, await agreements.list_periods(session, wadah.id), on)


def _record_change(
    session: AsyncSession,
    wadah: Wadah,
    before: WadahStatus | None,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
) -> None:
    columns = make_change_columns(wadah, before, by=by, at=at, reason=reason)
    session.add(WadahChange(wadah_id=wadah.id, **columns))


async def _describe(session: AsyncSession, wadah: Wadah, settings: Settings) -> Described:
    today = clock.today()
    signed = await agreements.list_agreements(session, wadah.id)
    periods = [agreements.make_period(each) for each in signed]
    return Described(
        wadah=wadah,
        active=rules.find_inactive_reason(wadah.status, periods, today) is None,
        agreements=signed,
        warnings=rules.list_cautions(
            status=wadah.status,
            agreements=periods,
            agent_count=wadah.agent_count,
            on=today,
            schemes=agreements.make_schemes(settings),
        ),
        history=await queries.list_changes(session, wadah.id),
    )
