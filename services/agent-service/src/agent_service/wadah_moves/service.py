"""Moves to another wadah: proposed, decided by another person, withdrawn before they begin.

Every step locks the agent, then the wadah, then the move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs import queries as coming
from agent_service.agent_wadahs import service as agent_wadahs
from agent_service.agent_wadahs.models import WadahMove, WadahMoveChange
from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.agents import queries as agent_queries
from agent_service.agents import service as agents
from agent_service.agents.models import Agent
from agent_service.branches import service as branches
from agent_service.wadah_moves import queries, rules
from agent_service.wadah_moves.rules import WadahMoveVerdict
from agent_service.wadah_moves.schemas import NewWadahMove, WadahMoveDecision, WadahMoveWithdrawal
from agent_service.wadahs import service as wadahs
from agent_service.wadahs.models import Wadah
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Forbidden
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class Described:
    move: WadahMove
    history: Sequence[WadahMoveChange]


async def propose(
    session: AsyncSession, agent_id: UUID, new: NewWadahMove, *, by: Principal
) -> Described:
    """Propose that an agent moves to another wadah.

    An officer proposes within their scope. An administrator proposes for their own wadah, and names
    an agent of the same branch.
    Raises: WadahNotFound, AgentNotFound, BranchOutOfScope, WadahOfAnotherBranch, AgentNotAtWork,
    WadahUnchanged, WadahMoveOpen, WadahMoveFromDateInvalid, WadahNotActiveThen.
    """
    wadah = await wadahs.get_managed(session, new.wadah_id, principal=by, field="wadah_id")
    agent = await agent_queries.lock_visible(session, agent_id, _may_propose(by, wadah))
    audit_read([agent.id, agent.member_id, agent.account_id])
    if by.has(Role.BRANCH_OFFICER):
        branches.check_in_scope(by, branch_code=agent.branch_code, region_code=agent.region_code)
    if agent.branch_code != wadah.branch_code:
        raise rules.WadahOfAnotherBranch(field="wadah_id")
    if agent.wadah_id == wadah.id:
        raise rules.WadahUnchanged(field="wadah_id")
    rules.check_from_date(new.from_date, today=clock.today())
    await _check_possible(session, agent, wadah.id, new.from_date)
    other = await coming.find_live(session, agent.id)
    if other is not None:
        raise rules.WadahMoveOpen(wadah_move_id=str(other.id), status=other.status.value)
    now = clock.now()
    move = await insert_once(
        session,
        WadahMove(
            id=new_id(),
            agent_id=agent.id,
            from_wadah_id=agent.wadah_id,
            wadah_id=wadah.id,
            from_date=new.from_date,
            status=WadahMoveStatus.PROPOSED,
            proposed_by=by.account_id,
            proposed_at=now,
            is_counted=False,
        ),
    )
    assert move is not None, "the agent is locked, and has no other proposal"
    agent_wadahs.record_change(session, move, None, by=by, at=now, reason=new.reason)
    return await _describe(session, move)


async def decide(
    session: AsyncSession, move_id: UUID, new: WadahMoveDecision, *, by: Principal
) -> Described:
    """Approve or reject a proposed move; an approved one is planned, and published.

    Raises: WadahMoveNotFound, AgentNotFound, BranchOutOfScope, OwnCase, WadahMoveDecided,
    OwnWadahMoveProposal, WadahMoveBegun, AgentNotAtWork, WadahNotActiveThen.
    """
    seen = queries.is_visible_to(by)
    proposed = await queries.get_visible(session, move_id, seen)
    agent = await agents.lock_to_decide(session, proposed.agent_id, by)
    await wadahs.lock(session, proposed.wadah_id)
    move = await queries.get_visible(session, move_id, seen, lock=True)
    rules.check_decision(
        move.status,
        verdict=new.verdict,
        is_own=move.proposed_by == by.account_id,
        from_date=move.from_date,
        today=clock.today(),
    )
    now = clock.now()
    move.decided_by, move.decided_at = by.account_id, now
    to = WadahMoveStatus.REJECTED
    if new.verdict is WadahMoveVerdict.APPROVED:
        await _check_possible(session, agent, move.wadah_id, move.from_date)
        to = WadahMoveStatus.APPROVED
    await agent_wadahs.change_status(session, move, to, by=by, at=now, reason=new.reason)
    return await _describe(session, move)


async def withdraw(
    session: AsyncSession, move_id: UUID, new: WadahMoveWithdrawal, *, by: Principal
) -> Described:
    """Withdraw a proposal, or a planned move before its first day.

    An officer in scope may do so, and the administrator of the new wadah.
    Raises: WadahMoveNotFound, Forbidden, BranchOutOfScope, WadahMoveDecided, WadahMoveBegun.
    """
    move = await queries.get_visible(session, move_id, queries.is_visible_to(by), lock=True)
    _audit_read([move])
    if by.has(Role.BRANCH_OFFICER):
        wadah = await session.get_one(Wadah, move.wadah_id)
        branches.check_in_scope(by, branch_code=wadah.branch_code, region_code=wadah.region_code)
    elif move.wadah_id != by.wadah_id:
        raise Forbidden
    rules.check_withdrawal(move.status, from_date=move.from_date, today=clock.today())
    await agent_wadahs.change_status(
        session, move, WadahMoveStatus.WITHDRAWN, by=by, at=clock.now(), reason=new.reason
    )
    return await _describe(session, move)


async def describe(session: AsyncSession, move_id: UUID, *, principal: Principal) -> Described:
    """Return a move that the subject may see, with its history. Raises: WadahMoveNotFound."""
    move = await queries.get_visible(session, move_id, queries.is_visible_to(principal))
    _audit_read([move])
    return await _describe(session, move)


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    agent_id: UUID | None,
    wadah_id: UUID | None,
    status: WadahMoveStatus | None,
    cursor: str | None,
    limit: int,
) -> Slice[WadahMove]:
    """Return one page of the moves a subject may see, the latest proposed first."""
    rows = await queries.list_page(
        session,
        seen=queries.is_visible_to(principal),
        agent_id=agent_id,
        wadah_id=wadah_id,
        status=status,
        before=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    _audit_read(page.items)
    return page


async def count_begun(session: AsyncSession, limit: int) -> int:
    """Count the agents of the wadahs of at most so many moves that have begun; return how many.

    The number is shown with a wadah; who belongs to it never depends on it.
    """
    begun = await coming.list_uncounted(session, limit)
    for wadah_id in sorted({id_ for each in begun for id_ in (each.from_wadah_id, each.wadah_id)}):
        await wadahs.lock(session, wadah_id)
        await agents.update_agent_count(session, wadah_id)
    for move in begun:
        move.is_counted = True
    await session.flush()
    return len(begun)


def _may_propose(by: Principal, wadah: Wadah) -> ColumnElement[bool]:
    if by.has(Role.BRANCH_OFFICER):
        return agent_queries.is_visible_to(by)
    return Agent.branch_code == wadah.branch_code


async def _check_possible(
    session: AsyncSession, agent: Agent, wadah_id: UUID, from_date: date
) -> None:
    rules.check_at_work(agent.status)
    reason = await wadahs.find_inactive_reason(session, wadah_id, on=from_date)
    rules.check_wadah_active(reason)


def _audit_read(moves: Sequence[WadahMove]) -> None:
    audit_read(each.agent_id for each in moves)


async def _describe(session: AsyncSession, move: WadahMove) -> Described:
    await session.flush()
    return Described(move, await queries.list_changes(session, move.id))
