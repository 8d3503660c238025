"""Reviews of acquisition bonuses over HTTP: officers within their scope decide on them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.bonus_reviews import service
from payment_service.bonus_reviews.rules import (
    BonusReviewDecided,
    BonusReviewNotFound,
    BonusReviewStatus,
    BonusUnderReview,
    OwnRefusal,
    RefusalNotProposed,
    RefusalProposed,
)
from payment_service.bonus_reviews.schemas import (
    BonusReviewDetailOut,
    BonusReviewOut,
    BonusReviewRecordOut,
    FlaggedAcquisitionOut,
    NewBonusReview,
    RefusalDecision,
)
from payment_service.bonus_reviews.service import Reviewed
from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.dependencies import WantedMonth
from payment_service.principals import Officer, StaffReader
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import AgentId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

reading = APIRouter(prefix="/v1/bonus-reviews", route_class=ReadRoute)
writing = APIRouter(prefix="/v1/bonus-reviews", route_class=TransactionRoute)

ReviewId = Annotated[UUID, Path(description="Id of the review.")]


@reading.get("")
async def list_reviews(
    session: ReplicaSession,
    reader: StaffReader,
    month: WantedMonth,
    status: Annotated[
        BonusReviewStatus | None, Query(description="Only those of this status.")
    ] = None,
    agent_id: AgentId | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BonusReviewOut]:
    """List the reviews of acquisition bonuses within your scope, the oldest first."""
    found = await service.list_reviews(
        session,
        reader,
        status=status,
        agent_id=agent_id,
        month=month,
        cursor=cursor,
        limit=limit,
    )
    return found.page(lambda each: BonusReviewOut(**_fields(each)))


@reading.get("/{review_id}", responses=problems(BonusReviewNotFound))
async def get_review(
    review_id: ReviewId, session: ReadSession, reader: StaffReader
) -> BonusReviewDetailOut:
    """Return a review with the flags on acquisitions of the month."""
    return _detail(await service.get(session, reader, review_id))


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(BeneficiaryNotFound, BonusUnderReview),
)
async def open_review(
    wanted: NewBonusReview, session: Session, officer: Officer
) -> BonusReviewDetailOut:
    """Hold the acquisition bonus of an agent's month until it is decided on.

    Of a closed month, it is taken back in the first open one.
    """
    made = await service.open_review(session, officer, agent_id=wanted.agent_id, month=wanted.month)
    return _detail(made)


@writing.post(
    "/{review_id}/release",
    openapi_extra=IDEMPOTENT,
    responses=problems(BonusReviewNotFound, BonusReviewDecided, OwnRefusal),
)
async def release(review_id: ReviewId, session: Session, officer: Officer) -> BonusReviewDetailOut:
    """Release the bonus; it is booked in the first open month.

    While a refusal is proposed, only another officer than its proposer may release.
    """
    return _detail(await service.release(session, officer, review_id))


@writing.post(
    "/{review_id}/refusal",
    openapi_extra=IDEMPOTENT,
    responses=problems(BonusReviewNotFound, BonusReviewDecided, RefusalProposed),
)
async def propose_refusal(
    review_id: ReviewId, session: Session, officer: Officer
) -> BonusReviewDetailOut:
    """Propose to refuse the bonus; another officer decides."""
    return _detail(await service.propose_refusal(session, officer, review_id))


@writing.post(
    "/{review_id}/refusal/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(BonusReviewNotFound, BonusReviewDecided, RefusalNotProposed, OwnRefusal),
)
async def decide_refusal(
    review_id: ReviewId, decision: RefusalDecision, session: Session, officer: Officer
) -> BonusReviewDetailOut:
    """Confirm or reject a proposed refusal; who proposed it may only reject it."""
    decided = await service.decide_refusal(session, officer, review_id, verdict=decision.verdict)
    return _detail(decided)


def _detail(of: Reviewed) -> BonusReviewDetailOut:
    audit_read(each.member_id for each in of.flags)
    flags = [FlaggedAcquisitionOut.model_validate(each) for each in of.flags]
    return BonusReviewDetailOut(**_fields(of), flags=flags)


def _fields(of: Reviewed) -> dict[str, Any]:
    review, agent = of.review.review, of.review.agent
    audit_read([review.agent_id])
    return {
        "id": review.id,
        "agent_id": review.agent_id,
        "wadah_id": agent.wadah_id,
        "branch_code": agent.branch_code,
        "region_code": agent.region_code,
        "month": review.month,
        "status": review.status,
        "flagged_count": of.review.flagged,
        "opened_at": review.opened_at,
        "refusal_proposed_by": review.refusal_proposed_by,
        "steps": [BonusReviewRecordOut.model_validate(each) for each in of.steps],
    }


router = APIRouter(tags=["bonus reviews"])
for each in (reading, writing):
    router.include_router(each)
