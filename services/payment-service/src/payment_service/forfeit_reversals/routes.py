"""Reversals of forfeits over HTTP: two finance officers of the whole country decide on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from payment_service.forfeit_reversals import service
from payment_service.forfeit_reversals.models import ForfeitReversal
from payment_service.forfeit_reversals.rules import (
    ForfeitPaidOtherwise,
    ForfeitReversalDecided,
    ForfeitReversalNotFound,
    ForfeitReversalOpen,
    OwnForfeitReversal,
)
from payment_service.forfeit_reversals.schemas import (
    ForfeitReversalDecision,
    ForfeitReversalOut,
    ForfeitReversalsOut,
    NewForfeitReversal,
)
from payment_service.incentive_holds.rules import (
    IncentiveHoldNotForfeited,
    IncentiveHoldNotFound,
)
from payment_service.principals import StaffReader, Treasurer
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute

PREFIX = "/v1/incentive-holds/{hold_id}/forfeit-reversals"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

HoldId = Annotated[UUID, Path(description="Id of the hold.")]
ReversalId = Annotated[UUID, Path(description="Id of the proposal.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        IncentiveHoldNotFound,
        IncentiveHoldNotForfeited,
        ForfeitPaidOtherwise,
        ForfeitReversalOpen,
    ),
)
async def propose_forfeit_reversal(
    hold_id: HoldId, new: NewForfeitReversal, session: Session, officer: Treasurer
) -> ForfeitReversalOut:
    """Propose to take back a forfeit that was a mistake; another officer decides."""
    made = await service.propose(
        session,
        hold_id,
        reason=new.reason,
        is_paid_otherwise=new.is_paid_otherwise,
        by=officer.account_id,
    )
    return _reversal_out(made)


@reading.get("", responses=problems(IncentiveHoldNotFound))
async def list_forfeit_reversals(
    hold_id: HoldId, session: ReadSession, reader: StaffReader
) -> ForfeitReversalsOut:
    """List the proposals to take the forfeit of a hold back, decided ones too."""
    found = await service.list_reversals(session, reader, hold_id)
    return ForfeitReversalsOut(items=[_reversal_out(each) for each in found])


@writing.post(
    "/{reversal_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        ForfeitReversalNotFound,
        ForfeitReversalDecided,
        OwnForfeitReversal,
        IncentiveHoldNotForfeited,
    ),
)
async def decide_forfeit_reversal(
    hold_id: HoldId,
    reversal_id: ReversalId,
    decision: ForfeitReversalDecision,
    session: Session,
    officer: Treasurer,
) -> ForfeitReversalOut:
    """Approve or reject a proposal; who made it may only reject it.

    What is approved is owed again and may be paid by the next run.
    """
    decided = await service.decide(
        session, hold_id, reversal_id, verdict=decision.verdict, by=officer.account_id
    )
    return _reversal_out(decided)


def _reversal_out(reversal: ForfeitReversal) -> ForfeitReversalOut:
    return ForfeitReversalOut.model_validate(reversal)


router = APIRouter(tags=["forfeit reversals"])
for each in (reading, writing):
    router.include_router(each)
