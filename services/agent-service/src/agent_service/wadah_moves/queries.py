from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs.models import WadahMove, WadahMoveChange
from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.agents import queries as agents
from agent_service.agents.models import Agent
from agent_service.wadah_moves.rules import WadahMoveNotFound
from perisai_kit.auth.principal import Principal, Role

MAX_CHANGES = 100


def is_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Return the condition of moves a subject sees.

    Those of the agents they see, and administrators those from and to their wadah.
    """
    seen: list[ColumnElement[bool]] = [
        exists().where(Agent.id == WadahMove.agent_id, agents.is_visible_to(principal))
    ]
    if principal.has(Role.WADAH_ADMIN):
        seen.append(WadahMove.wadah_id == principal.wadah_id)
        seen.append(WadahMove.from_wadah_id == principal.wadah_id)
    return or_(*seen)


async def get_visible(
    session: AsyncSession, move_id: UUID, seen: ColumnElement[bool], *, lock: bool = False
) -> WadahMove:
    """Return a visible move, locked for a change if asked. Raises: WadahMoveNotFound."""
    chosen = select(WadahMove).where(WadahMove.id == move_id, seen)
    if lock:
        chosen = chosen.with_for_update(of=WadahMove)
    move = await session.scalar(chosen.execution_options(populate_existing=True))
    if move is None:
        raise WadahMoveNotFound
    return move


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    agent_id: UUID | None,
    wadah_id: UUID | None,
    status: WadahMoveStatus | None,
    before: UUID | None,
    limit: int,
) -> Sequence[WadahMove]:
    """Return moves, the latest proposed first. wadah_id: from or to this wadah."""
    chosen = select(WadahMove).where(seen)
    if agent_id is not None:
        chosen = chosen.where(WadahMove.agent_id == agent_id)
    if wadah_id is not None:
        chosen = chosen.where(
            or_(WadahMove.wadah_id == wadah_id, WadahMove.from_wadah_id == wadah_id)
        )
    if status is not None:
        chosen = chosen.where(WadahMove.status == status)
    if before is not None:
        chosen = chosen.where(WadahMove.id < before)
    return (await session.scalars(chosen.order_by(WadahMove.id.desc()).limit(limit))).all()


async def list_changes(session: AsyncSession, move_id: UUID) -> Sequence[WadahMoveChange]:
    """Return the latest changes, the latest first."""
    chosen = select(WadahMoveChange).where(WadahMoveChange.move_id == move_id)
    latest = chosen.order_by(WadahMoveChange.id.desc()).limit(MAX_CHANGES)
    return (await session.scalars(latest)).all()
