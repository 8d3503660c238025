from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agreements.queries import has_agreement
from agent_service.scopes import OFFICES, by_office
from agent_service.wadahs.models import Wadah, WadahChange
from agent_service.wadahs.rules import WadahNotFound, WadahStatus
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.bulk import any_id

MAX_CHANGES = 100


def is_in_force(on: date) -> ColumnElement[bool]:
    """Return the condition that a wadah is active on a day: rules.find_inactive_reason in SQL."""
    return and_(Wadah.status == WadahStatus.REGISTERED, has_agreement(Wadah.id, on))


def is_visible_to(principal: Principal, *, on: date) -> ColumnElement[bool]:
    """Return the condition of rows a subject sees.

    Offices see their scope, people of a wadah their own, applicants the active ones.
    """
    if principal.has(*OFFICES):
        return by_office(principal, *OFFICES, branch=Wadah.branch_code, region=Wadah.region_code)
    own = Wadah.id == principal.wadah_id
    if principal.has(Role.WADAH_ADMIN, Role.AGENT):
        return own
    return or_(own, is_in_force(on))


def is_managed_by(principal: Principal) -> ColumnElement[bool]:
    """Return the condition of wadahs whose affairs a subject sees: an office, an administrator."""
    office = by_office(principal, *OFFICES, branch=Wadah.branch_code, region=Wadah.region_code)
    if principal.has(Role.WADAH_ADMIN):
        return or_(Wadah.id == principal.wadah_id, office)
    return office


async def get_visible(
    session: AsyncSession,
    wadah_id: UUID,
    seen: ColumnElement[bool],
    *,
    field: str | None = None,
) -> Wadah:
    """Return a visible wadah. Raises: WadahNotFound naming `field`."""
    wadah = await session.scalar(select(Wadah).where(Wadah.id == wadah_id, seen))
    if wadah is None:
        raise WadahNotFound(field=field)
    return wadah


async def list_names(session: AsyncSession, wadah_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of the wadahs among these ids."""
    chosen = select(Wadah.id, Wadah.name).where(Wadah.id == any_id(wadah_ids)).order_by(Wadah.id)
    return {row.id: row.name for row in await session.execute(chosen)}


async def lock_wadah(
    session: AsyncSession, wadah_id: UUID, seen: ColumnElement[bool] | None = None
) -> Wadah:
    """Lock and return a wadah. Raises: WadahNotFound."""
    chosen = select(Wadah).where(Wadah.id == wadah_id, true() if seen is None else seen)
    wadah = await session.scalar(
        # The foreign key of a child row also locks the wadah. The key never changes, so this lock
        # allows that one; otherwise two transactions that add agents would deadlock.
        chosen.with_for_update(of=Wadah, key_share=True).execution_options(populate_existing=True)
    )
    if wadah is None:
        raise WadahNotFound
    return wadah


async def list_by_ids(session: AsyncSession, wadah_ids: Collection[UUID]) -> Sequence[Wadah]:
    """Return the wadahs among these ids, by id."""
    chosen = select(Wadah).where(Wadah.id == any_id(wadah_ids)).order_by(Wadah.id)
    return (await session.scalars(chosen)).all()


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    on: date,
    branch_code: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[tuple[Wadah, bool]]:
    """Return wadahs with whether each is active on the day."""
    chosen = select(Wadah, is_in_force(on)).where(seen)
    if branch_code is not None:
        chosen = chosen.where(Wadah.branch_code == branch_code)
    if after is not None:
        chosen = chosen.where(Wadah.id > after)
    rows = await session.execute(chosen.order_by(Wadah.id).limit(limit))
    return [(wadah, active) for wadah, active in rows]


async def list_changes(session: AsyncSession, wadah_id: UUID) -> Sequence[WadahChange]:
    """Return the latest changes, the latest first."""
    chosen = select(WadahChange).where(WadahChange.wadah_id == wadah_id)
    return (await session.scalars(chosen.order_by(WadahChange.id.desc()).limit(MAX_CHANGES))).all()
