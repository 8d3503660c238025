from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from member_service.attributions.routes import find_asked_problems
from member_service.attributions.rules import (
    AgentUnknown,
    AttributionBegun,
    FromDateInvalid,
    ReasonReserved,
)
from member_service.handovers import service
from member_service.handovers.rules import (
    BookTooLarge,
    HandoverEmpty,
    HandoverIdTaken,
    HandoverNotFound,
)
from member_service.handovers.schemas import (
    HandoverOut,
    HandoverPlan,
    HandoverPreview,
    NewHandover,
)
from member_service.requests import Officer
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute

router = APIRouter(prefix="/v1/handovers", tags=["members"], route_class=TransactionRoute)

HandoverId = Annotated[UUID, Path(description="The hand-over.")]


@router.post(
    "",
    status_code=201,
    responses=problems(
        AgentUnknown,
        FromDateInvalid,
        ReasonReserved,
        BookTooLarge,
        HandoverEmpty,
        HandoverIdTaken,
    ),
)
async def make_handover(
    new: Annotated[NewHandover, BodyRules(find_asked_problems)], session: Session, officer: Officer
) -> HandoverOut:
    """Hand the members of an agent over to a successor or to the branch, at once or as planned.

    Members outside your scope stay. Others who cannot be handed over stay too; the answer says why.
    """
    return HandoverOut.model_validate(await service.make(session, new, officer=officer))


@router.post(
    "/preview",
    responses=problems(AgentUnknown, FromDateInvalid, ReasonReserved, BookTooLarge),
)
async def preview_handover(
    plan: Annotated[HandoverPlan, BodyRules(find_asked_problems)],
    session: Session,
    officer: Officer,
) -> HandoverPreview:
    """Show what a hand-over would do now. Nothing is written."""
    found = await service.preview(session, plan, officer=officer)
    return HandoverPreview(
        from_date=found.start.from_date,
        at_once=found.start.at_once,
        member_count=found.member_count,
        skipped=found.skipped,
    )


@router.get("/{handover_id}", responses=problems(HandoverNotFound))
async def get_handover(handover_id: HandoverId, session: Session, officer: Officer) -> HandoverOut:
    """Show a hand-over of a book."""
    return HandoverOut.model_validate(await service.get(session, handover_id, officer=officer))


@router.post("/{handover_id}/withdrawal", responses=problems(HandoverNotFound, AttributionBegun))
async def withdraw_handover(
    handover_id: HandoverId, session: Session, officer: Officer
) -> HandoverOut:
    """Withdraw a hand-over that has not begun; members stay with their present agent or branch."""
    handover = await service.withdraw(session, handover_id, officer=officer)
    return HandoverOut.model_validate(handover)
