"""Held incentives over HTTP: two finance officers of the whole country decide on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service
from payment_service.incentive_holds.models import HoldProposal
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalDecided,
    HoldProposalNotFound,
    HoldProposalOpen,
    HoldStatus,
    IncentiveHoldChanged,
    IncentiveHoldDecided,
    IncentiveHoldNotFound,
    OwnHoldProposal,
)
from payment_service.incentive_holds.schemas import (
    HeldStatementOut,
    HoldDecision,
    HoldProposalOut,
    HoldProposalsOut,
    IncentiveHoldOut,
    NewHoldProposal,
)
from payment_service.incentive_holds.service import Held
from payment_service.principals import StaffReader, Treasurer
from perisai_kit.http.dependencies import ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import BeneficiaryId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

reading = APIRouter(prefix="/v1/incentive-holds", route_class=ReadRoute)
writing = APIRouter(prefix="/v1/incentive-holds", route_class=TransactionRoute)

HoldId = Annotated[UUID, Path(description="Id of the hold.")]
ProposalId = Annotated[UUID, Path(description="Id of the proposal.")]


@reading.get("")
async def list_holds(
    session: ReplicaSession,
    reader: StaffReader,
    status: Annotated[HoldStatus | None, Query(description="Only those of this status.")] = None,
    kind: Annotated[HoldKind | None, Query(description="Only those of this kind.")] = None,
    beneficiary_id: BeneficiaryId | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[IncentiveHoldOut]:
    """List the holds on incentives within your scope, the oldest first."""
    found = await service.list_holds(
        session,
        reader,
        status=status,
        kind=kind,
        beneficiary_id=beneficiary_id,
        cursor=cursor,
        limit=limit,
    )
    return found.page(_hold_out)


@reading.get("/{hold_id}", responses=problems(IncentiveHoldNotFound))
async def get_hold(
    hold_id: HoldId, session: ReplicaSession, reader: StaffReader
) -> IncentiveHoldOut:
    """Return a hold with the statements that it holds."""
    return _hold_out(await service.get(session, reader, hold_id))


@writing.post(
    "/{hold_id}/proposals",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(IncentiveHoldNotFound, IncentiveHoldDecided, HoldProposalOpen),
)
async def propose(
    hold_id: HoldId, wanted: NewHoldProposal, session: Session, officer: Treasurer
) -> HoldProposalOut:
    """Propose to release or forfeit all that is held; another officer decides."""
    made = await service.propose(session, hold_id, verdict=wanted.verdict, by=officer.account_id)
    return _proposal_out(made)


@reading.get("/{hold_id}/proposals", responses=problems(IncentiveHoldNotFound))
async def list_proposals(
    hold_id: HoldId, session: ReplicaSession, reader: StaffReader
) -> HoldProposalsOut:
    """List the proposals for a hold, decided ones too, the oldest first."""
    found = await service.list_proposals(session, reader, hold_id)
    return HoldProposalsOut(items=[_proposal_out(each) for each in found])


@writing.post(
    "/{hold_id}/proposals/{proposal_id}/decision",
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
    return _proposal_out(decided)


def _hold_out(held: Held) -> IncentiveHoldOut:
    hold = held.hold
    if hold.beneficiary_kind is BeneficiaryKind.AGENT:
        audit_read([hold.beneficiary_id])
    return IncentiveHoldOut(
        id=hold.id,
        kind=hold.kind,
        reason=hold.reason,
        status=hold.status,
        beneficiary_kind=hold.beneficiary_kind,
        beneficiary_id=hold.beneficiary_id,
        wadah_id=hold.wadah_id,
        branch_code=hold.branch_code,
        region_code=hold.region_code,
        amount=held.amount,
        statements=[HeldStatementOut.model_validate(each) for each in held.statements],
        dismissed_at=hold.dismissed_at,
        opened_at=hold.opened_at,
        decided_at=hold.decided_at,
        open_proposal_id=held.open_proposal_id,
    )


def _proposal_out(proposal: HoldProposal) -> HoldProposalOut:
    return HoldProposalOut.model_validate(proposal)


router = APIRouter(tags=["incentive holds"])
for each in (reading, writing):
    router.include_router(each)
