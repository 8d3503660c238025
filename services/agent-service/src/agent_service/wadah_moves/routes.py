"""Moves to another wadah over HTTP: a proposal, another person's decision, a withdrawal."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from agent_service.agent_wadahs.models import WadahMove
from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.agents.rules import AgentNotFound, OwnCase
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import HolderReader, MoveProposer, Officer
from agent_service.wadah_moves import service
from agent_service.wadah_moves.rules import (
    AgentNotAtWork,
    OwnWadahMoveProposal,
    WadahMoveBegun,
    WadahMoveDecided,
    WadahMoveFromDateInvalid,
    WadahMoveNotFound,
    WadahMoveOpen,
    WadahNotActiveThen,
    WadahOfAnotherBranch,
    WadahUnchanged,
    has_begun,
)
from agent_service.wadah_moves.schemas import (
    NewWadahMove,
    WadahMoveChangeOut,
    WadahMoveDecision,
    WadahMoveDetailOut,
    WadahMoveOut,
    WadahMoveWithdrawal,
)
from agent_service.wadah_moves.service import Described
from agent_service.wadahs.rules import WadahNotFound
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import AgentId, WadahId
from perisai_kit.http.visibility import ReadRoute

proposing = APIRouter(
    prefix="/v1/agents/{agent_id}/wadah-moves", tags=["wadah moves"], route_class=TransactionRoute
)
router = APIRouter(prefix="/v1/wadah-moves", tags=["wadah moves"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/wadah-moves", tags=["wadah moves"], route_class=ReadRoute)

WadahMoveId = Annotated[UUID, Path(description="Id of the move.")]


@proposing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        AgentNotFound,
        WadahNotFound,
        BranchOutOfScope,
        WadahOfAnotherBranch,
        WadahUnchanged,
        AgentNotAtWork,
        WadahNotActiveThen,
        WadahMoveOpen,
        WadahMoveFromDateInvalid,
    ),
)
async def propose_wadah_move(
    agent_id: AgentId, body: NewWadahMove, session: Session, proposer: MoveProposer
) -> WadahMoveDetailOut:
    """Propose that an agent moves to another wadah of the branch on the first of a coming month.

    An officer proposes within their scope, an administrator for their own wadah. An officer who has
    not proposed it decides.
    """
    return _detail(await service.propose(session, agent_id, body, by=proposer))


@reading.get("")
async def list_wadah_moves(
    session: ReplicaSession,
    principal: HolderReader,
    agent_id: Annotated[AgentId | None, Query(description="Only of this agent.")] = None,
    wadah_id: Annotated[WadahId | None, Query(description="Only from or to this wadah.")] = None,
    status: Annotated[WadahMoveStatus | None, Query(description="Only in this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WadahMoveOut]:
    """List the moves you may see, the latest proposed first."""
    found = await service.list_visible(
        session,
        principal=principal,
        agent_id=agent_id,
        wadah_id=wadah_id,
        status=status,
        cursor=cursor,
        limit=limit,
    )
    return found.page(_summary)


@reading.get("/{wadah_move_id}", responses=problems(WadahMoveNotFound))
async def get_wadah_move(
    wadah_move_id: WadahMoveId, session: ReadSession, principal: HolderReader
) -> WadahMoveDetailOut:
    """Return one move with the history of its status."""
    return _detail(await service.describe(session, wadah_move_id, principal=principal))


@router.post(
    "/{wadah_move_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        WadahMoveNotFound,
        AgentNotFound,
        OwnCase,
        BranchOutOfScope,
        WadahMoveDecided,
        OwnWadahMoveProposal,
        WadahMoveBegun,
        AgentNotAtWork,
        WadahNotActiveThen,
    ),
)
async def decide_wadah_move(
    wadah_move_id: WadahMoveId, body: WadahMoveDecision, session: Session, officer: Officer
) -> WadahMoveDetailOut:
    """Approve or reject a proposed move; who proposed it may only reject it.

    An approved one is planned. It takes effect on its first day by itself.
    """
    return _detail(await service.decide(session, wadah_move_id, body, by=officer))


@router.post(
    "/{wadah_move_id}/withdrawal",
    openapi_extra=IDEMPOTENT,
    responses=problems(WadahMoveNotFound, BranchOutOfScope, WadahMoveDecided, WadahMoveBegun),
)
async def withdraw_wadah_move(
    wadah_move_id: WadahMoveId,
    body: WadahMoveWithdrawal,
    session: Session,
    proposer: MoveProposer,
) -> WadahMoveDetailOut:
    """Withdraw a proposal, or a planned move before its first day. The agent stays."""
    return _detail(await service.withdraw(session, wadah_move_id, body, by=proposer))


def _summary(move: WadahMove) -> WadahMoveOut:
    return WadahMoveOut.model_validate(move).model_copy(update=_derived(move))


def _detail(found: Described) -> WadahMoveDetailOut:
    history = tuple(WadahMoveChangeOut.model_validate(each) for each in found.history)
    more = {**_derived(found.move), "history": history}
    return WadahMoveDetailOut.model_validate(found.move).model_copy(update=more)


def _derived(move: WadahMove) -> dict[str, bool]:
    return {"has_begun": has_begun(move.status, from_date=move.from_date, today=clock.today())}
