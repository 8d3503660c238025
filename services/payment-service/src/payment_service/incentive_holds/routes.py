"""Held incentives over HTTP: two finance officers of the whole country decide on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service
from payment_service.incentive_holds.models import HoldProposal
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalOpen,
    HoldStatus,
    IncentiveHoldDecided,
    IncentiveHoldNotFound,
)
from payment_service.incentive_holds.schemas import (
    HeldStatementOut,
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
        statements=[
            HeldStatementOut(
                statement_id=each.statement_id,
                month=each.month,
                amount=each.amount,
                deducted=held.deducted.get(each.statement_id, 0),
                held_at=each.held_at,
            )
            for each in held.statements
        ],
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
