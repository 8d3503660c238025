"""Payouts of unknown outcome, or that came back, over HTTP: two officers settle them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from payment_service.payout_settlement import service
from payment_service.payout_settlement.models import SettlementProposal
from payment_service.payout_settlement.rules import (
    OwnSettlementProposal,
    PayoutNotUnknown,
    SettlementProposalDecided,
    SettlementProposalNotFound,
    SettlementProposalOpen,
    SettlementTooEarly,
)
from payment_service.payout_settlement.schemas import (
    NewSettlementProposal,
    SettlementDecision,
    SettlementProposalOut,
    SettlementProposalsOut,
)
from payment_service.payout_transfers.rules import (
    ExecutionDayImpossible,
    ExecutionDayMissing,
    ExecutionDayUnused,
)
from payment_service.payouts.rules import PayoutNotFound
from payment_service.principals import Bookkeeper, Treasurer
from payment_service.settings import Config
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute

PREFIX = "/v1/payouts/{payout_id}/settlement-proposals"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

PayoutId = Annotated[UUID, Path(description="Id of the payout.")]
ProposalId = Annotated[UUID, Path(description="Id of the proposal.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutNotFound,
        PayoutNotUnknown,
        SettlementTooEarly,
        ExecutionDayMissing,
        ExecutionDayUnused,
        ExecutionDayImpossible,
        SettlementProposalOpen,
    ),
)
async def propose(
    payout_id: PayoutId,
    wanted: NewSettlementProposal,
    session: Session,
    officer: Treasurer,
    config: Config,
) -> SettlementProposalOut:
    """Propose how a payout of unknown outcome is settled, or that a paid one came back.

    Another officer decides. A payout that is `paid` can be settled as `returned` only, at any time.
    Nothing is sent by it. Books and tax follow the day on which the bank moved the money.
    A payout that is settled as failed can be tried again afterwards.
    """
    made = await service.propose(
        session,
        payout_id,
        outcome=wanted.outcome,
        executed_on=wanted.executed_on,
        evidence=wanted.evidence,
        by=officer.account_id,
        settings=config,
    )
    return _show(made)


@reading.get("", responses=problems(PayoutNotFound))
async def list_proposals(
    payout_id: PayoutId, session: ReadSession, _: Bookkeeper
) -> SettlementProposalsOut:
    """List the proposals to settle a payout, decided ones too, the oldest first."""
    found = await service.list_proposals(session, payout_id)
    return SettlementProposalsOut(items=[_show(each) for each in found])


@writing.post(
    "/{proposal_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutNotFound,
        SettlementProposalNotFound,
        SettlementProposalDecided,
        OwnSettlementProposal,
        PayoutNotUnknown,
    ),
)
async def decide(
    payout_id: PayoutId,
    proposal_id: ProposalId,
    decision: SettlementDecision,
    session: Session,
    officer: Treasurer,
) -> SettlementProposalOut:
    """Approve or reject a proposal; who made it may only reject it.

    An approval settles the payout, unless the bank has answered meanwhile.
    """
    decided = await service.decide(
        session, payout_id, proposal_id, verdict=decision.verdict, by=officer.account_id
    )
    return _show(decided)


def _show(proposal: SettlementProposal) -> SettlementProposalOut:
    return SettlementProposalOut.model_validate(proposal)


router = APIRouter(tags=["payout settlements"])
for each in (reading, writing):
    router.include_router(each)
