from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.handovers.models import Handover
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.scopes import in_scope


def is_visible_to(viewer: Principal) -> ColumnElement[bool]:
    """Return the condition that an officer may see a hand-over: made by them, or in scope."""
    return or_(
        Handover.made_by == viewer.account_id,
        in_scope(viewer, branch=Handover.branch_code, region=Handover.region_code),
    )


async def find_handover(session: AsyncSession, handover_id: UUID) -> Handover | None:
    return await session.get(Handover, handover_id)


async def find_visible(
    session: AsyncSession, handover_id: UUID, viewer: Principal, *, lock: bool = False
) -> Handover | None:
    """Return a hand-over the officer may see. lock: until the transaction ends."""
    query = select(Handover).where(Handover.id == handover_id, is_visible_to(viewer))
    return await session.scalar(query.with_for_update() if lock else query)
