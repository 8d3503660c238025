"""Change the status of moves between wadahs, keep the history, and publish what it means."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs import queries
from agent_service.agent_wadahs.models import WadahMove, WadahMoveChange
from agent_service.agent_wadahs.rules import WITHDRAWN_REASON, CancelReason, WadahMoveStatus
from agent_service.history import make_change_columns
from perisai_kit.auth.principal import Principal
from perisai_kit.events.catalogue import AgentWadahChangeCancelled, AgentWadahChanged
from perisai_kit.events.outbox import publish


async def change_status(
    session: AsyncSession,
    move: WadahMove,
    to: WadahMoveStatus,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
    cancel_reason: CancelReason | None = None,
) -> None:
    """Give a locked move another status; publish a planned move, and the end of one."""
    before = move.status
    move.status, move.reason_code = to, cancel_reason and cancel_reason.value
    record_change(session, move, before, by=by, at=at, reason=reason)
    await session.flush()
    if to is WadahMoveStatus.APPROVED:
        await publish(session, AgentWadahChanged(**_facts(move, at)))
    elif before is WadahMoveStatus.APPROVED:
        code = move.reason_code or WITHDRAWN_REASON
        await publish(session, AgentWadahChangeCancelled(**_facts(move, at), reason_code=code))


async def cancel_of_agent(
    session: AsyncSession, agent_id: UUID, why: CancelReason, *, by: Principal, at: datetime
) -> None:
    """Cancel the proposed and planned moves of a locked agent who stops working.

    A move that has begun stands.
    """
    for move in await queries.lock_coming(session, WadahMove.agent_id == agent_id):
        await change_status(
            session, move, WadahMoveStatus.CANCELLED, by=by, at=at, cancel_reason=why
        )


async def cancel_to_wadah(
    session: AsyncSession, wadah_id: UUID, *, by: Principal, at: datetime
) -> None:
    """Cancel the proposed and planned moves to a locked wadah that is terminated."""
    for move in await queries.lock_coming(session, WadahMove.wadah_id == wadah_id):
        await change_status(
            session,
            move,
            WadahMoveStatus.CANCELLED,
            by=by,
            at=at,
            cancel_reason=CancelReason.WADAH_TERMINATED,
        )


def record_change(
    session: AsyncSession,
    move: WadahMove,
    before: WadahMoveStatus | None,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
) -> None:
    """Add the present status of a move to its history. before: None for a new move."""
    columns = make_change_columns(move, before, by=by, at=at, reason=reason)
    session.add(WadahMoveChange(move_id=move.id, **columns))


def _facts(move: WadahMove, at: datetime) -> dict[str, Any]:
    return {
        "move_id": move.id,
        "agent_id": move.agent_id,
        "from_wadah_id": move.from_wadah_id,
        "wadah_id": move.wadah_id,
        "from_date": move.from_date,
        "decided_at": at,
    }
