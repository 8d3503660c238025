"""Money in suspense over HTTP: two finance officers of the whole country decide on it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.allocations.rules import AllocationReason
from payment_service.bills.rules import UNPAYABLE, BillNotFound
from payment_service.principals import Bookkeeper, Treasurer
from payment_service.suspense import service
from payment_service.suspense.queries import Item
from payment_service.suspense.rules import (
    OwnSuspenseProposal,
    SuspenseItemNotFound,
    SuspenseProposalDecided,
    SuspenseProposalNotFound,
    SuspenseProposalOpen,
    SuspenseTooSmall,
)
from payment_service.suspense.schemas import (
    NewSuspenseProposal,
    SuspenseDecision,
    SuspenseItemOut,
    SuspenseProposalOut,
    SuspenseProposalsOut,
)
from payment_service.suspense.service import Proposed
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

reading = APIRouter(prefix="/v1/suspense-items", route_class=ReadRoute)
writing = APIRouter(prefix="/v1/suspense-items", route_class=TransactionRoute)

ItemId = Annotated[UUID, Path(description="Id of the money in suspense.")]
ProposalId = Annotated[UUID, Path(description="Id of the proposal.")]


@reading.get("")
async def list_items(
    session: ReplicaSession,
    reader: Bookkeeper,
    reason: Annotated[
        AllocationReason | None, Query(description="Only what is in suspense for this.")
    ] = None,
    owner_id: Annotated[
        UUID | None, Query(description="Only what this account answers for.")
    ] = None,
    unowned: Annotated[bool, Query(description="Only what nobody answers for yet.")] = False,
    min_age_days: Annotated[
        int, Query(ge=0, le=36_500, description="Only what is in suspense for so many days.")
    ] = 0,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[SuspenseItemOut]:
    """List money received whose use is not decided, the oldest first."""
    found = await service.list_items(
        session,
        reason=reason,
        owner_id=owner_id,
        is_unowned=unowned,
        min_age_days=min_age_days,
        cursor=cursor,
        limit=limit,
    )
    return found.page(_item_out)


@reading.get("/{item_id}", responses=problems(SuspenseItemNotFound))
async def get_item(item_id: ItemId, session: ReadSession, reader: Bookkeeper) -> SuspenseItemOut:
    """Return money in suspense; what has been used is not there any more."""
    return _item_out(await service.get(session, item_id))


@writing.post(
    "/{item_id}/ownership",
    responses=problems(SuspenseItemNotFound),
)
async def take_over(item_id: ItemId, session: Session, officer: Treasurer) -> SuspenseItemOut:
    """Answer for money in suspense from now on, in the place of who did before."""
    return _item_out(await service.take_over(session, item_id, owner_id=officer.account_id))


@writing.post(
    "/{item_id}/proposals",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        SuspenseItemNotFound, SuspenseProposalOpen, SuspenseTooSmall, BillNotFound, *UNPAYABLE
    ),
)
async def propose(
    item_id: ItemId, wanted: NewSuspenseProposal, session: Session, officer: Treasurer
) -> SuspenseProposalOut:
    """Propose to use money in suspense for a bill; another officer decides.

    The answer shows both instants it could count from, and which it is.
    """
    made = await service.propose(session, item_id, bill_id=wanted.bill_id, by=officer.account_id)
    return _proposal_out(made)


@reading.get("/{item_id}/proposals", responses=problems(SuspenseItemNotFound))
async def list_proposals(
    item_id: ItemId, session: ReplicaSession, reader: Bookkeeper
) -> SuspenseProposalsOut:
    """List the proposals for money in suspense, decided ones too, the oldest first."""
    found = await service.list_proposals(session, item_id)
    return SuspenseProposalsOut(items=[_proposal_out(each) for each in found])


@writing.post(
    "/{item_id}/proposals/{proposal_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        SuspenseProposalNotFound,
        SuspenseProposalDecided,
        OwnSuspenseProposal,
        SuspenseItemNotFound,
        SuspenseTooSmall,
        BillNotFound,
        *UNPAYABLE,
    ),
)
async def decide(
    item_id: ItemId,
    proposal_id: ProposalId,
    decision: SuspenseDecision,
    session: Session,
    officer: Treasurer,
) -> SuspenseProposalOut:
    """Approve or reject a proposal; who made it may only reject it.

    An approval settles the bill; what is left of the money stays in suspense.
    """
    decided = await service.decide(
        session, item_id, proposal_id, verdict=decision.verdict, by=officer.account_id
    )
    return _proposal_out(decided)


def _item_out(item: Item) -> SuspenseItemOut:
    allocation, payment, owner = item.allocation, item.payment, item.owner
    assert allocation.reason is not None, "what is in suspense has a reason"
    audit_read([allocation.member_id])
    return SuspenseItemOut(
        id=allocation.id,
        payment_id=payment.id,
        partner_id=payment.partner_id,
        order_id=payment.order_id,
        amount=allocation.amount,
        reason=allocation.reason,
        bill_id=allocation.bill_id,
        member_id=allocation.member_id,
        paid_at=payment.paid_at,
        since=allocation.allocated_at,
        age_days=(clock.today() - jakarta_date(allocation.allocated_at)).days,
        owner_id=owner.owner_id if owner else None,
        owned_since=owner.owned_since if owner else None,
        open_proposal_id=item.open_proposal_id,
    )


def _proposal_out(made: Proposed) -> SuspenseProposalOut:
    proposal, counting = made.proposal, made.counting
    return SuspenseProposalOut(
        id=proposal.id,
        item_id=proposal.item_id,
        bill_id=proposal.bill_id,
        amount=made.bill.amount,
        status=proposal.status,
        paid_at=counting.paid_at,
        decision_day=counting.decision_day,
        counts_at=counting.counts_at,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        allocation_id=proposal.allocation_id,
    )


router = APIRouter(tags=["suspense"])
for each in (reading, writing):
    router.include_router(each)
