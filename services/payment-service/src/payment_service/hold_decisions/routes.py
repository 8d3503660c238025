"""The decision on a proposal for held incentives over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from payment_service.hold_decisions import service
from payment_service.incentive_holds.rules import (
    HoldProposalDecided,
    HoldProposalNotFound,
    IncentiveHoldChanged,
    IncentiveHoldDecided,
    IncentiveHoldNotFound,
    OwnHoldProposal,
)
from payment_service.incentive_holds.schemas import HoldDecision, HoldProposalOut
from payment_service.principals import Treasurer
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute

PATH = "/v1/incentive-holds/{hold_id}/proposals/{proposal_id}/decision"
writing = APIRouter(prefix=PATH, route_class=TransactionRoute)

HoldId = Annotated[UUID, Path(description="Id of the hold.")]
ProposalId = Annotated[UUID, Path(description="Id of the proposal.")]


@writing.post(
    "",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        IncentiveHoldNotFound,
        IncentiveHoldDecided,
        IncentiveHoldChanged,
        HoldProposalNotFound,
        HoldProposalDecided,
        OwnHoldProposal,
    ),
)
async def decide(
    hold_id: HoldId,
    proposal_id: ProposalId,
    decision: HoldDecision,
    session: Session,
    officer: Treasurer,
) -> HoldProposalOut:
    """Approve or reject a proposal; who made it may only reject it.

    What is released may be paid. What is forfeited is owed no more, for good.
    """
    decided = await service.decide(
        session, hold_id, proposal_id, verdict=decision.verdict, by=officer.account_id
    )
    return HoldProposalOut.model_validate(decided)


router = APIRouter(tags=["incentive holds"])
router.include_router(writing)
