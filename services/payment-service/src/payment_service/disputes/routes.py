"""Disputes on commission over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.counting.rules import BeneficiaryKind
from payment_service.disputes import rules, service
from payment_service.disputes.queries import Disputed
from payment_service.disputes.rules import (
    DisputeClosed,
    DisputedLineNotFound,
    DisputedPaymentHasLines,
    DisputedPaymentNotFound,
    DisputeNotFound,
    DisputeOpen,
    DisputeStatus,
    DisputeUnclear,
    OwnDispute,
)
from payment_service.disputes.schemas import (
    DisputeAnswer,
    DisputeDetailOut,
    DisputeOut,
    NewDispute,
)
from payment_service.disputes.service import Subject
from payment_service.principals import Earner, EarningsReader, Officer
from payment_service.settings import Config
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import BeneficiaryId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

reading = APIRouter(prefix="/v1/disputes", route_class=ReadRoute)
writing = APIRouter(prefix="/v1/disputes", route_class=TransactionRoute)

DisputeId = Annotated[UUID, Path(description="Id of the dispute.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        DisputeUnclear,
        DisputedLineNotFound,
        DisputedPaymentNotFound,
        DisputedPaymentHasLines,
        DisputeOpen,
    ),
)
async def open_dispute(
    new: NewDispute, session: Session, principal: Earner, config: Config
) -> DisputeDetailOut:
    """Dispute a commission line, or that a payment of one of your members has none.

    An officer answers within the time that `due_at` names. A dispute changes no money by itself.
    """
    opened = await service.open_dispute(
        session,
        principal,
        Subject(new.line_id, new.earned_month, new.payment_id),
        reason=new.reason,
        answer_days=config.dispute_answer_days,
    )
    return _detail(opened)


@reading.get("")
async def list_disputes(
    session: ReplicaSession,
    principal: EarningsReader,
    status: Annotated[DisputeStatus | None, Query(description="Only those of this status.")] = None,
    overdue: Annotated[bool, Query(description="Only those that wait too long.")] = False,
    beneficiary_id: BeneficiaryId | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DisputeOut]:
    """List the disputes you may see, the oldest first.

    An agent sees own ones, a wadah own ones and its agents', staff those of their scope.
    """
    found = await service.list_disputes(
        session,
        principal,
        status=status,
        is_overdue=overdue,
        beneficiary_id=beneficiary_id,
        cursor=cursor,
        limit=limit,
    )
    return found.page(lambda each: DisputeOut(**_fields(each)))


@reading.get("/{dispute_id}", responses=problems(DisputeNotFound))
async def get_dispute(
    dispute_id: DisputeId, session: ReadSession, principal: EarningsReader
) -> DisputeDetailOut:
    """Return a dispute with its reason and its answer."""
    return _detail(await service.get(session, principal, dispute_id))


@writing.post(
    "/{dispute_id}/answer",
    openapi_extra=IDEMPOTENT,
    responses=problems(DisputeNotFound, DisputeClosed, OwnDispute),
)
async def answer(
    dispute_id: DisputeId, given: DisputeAnswer, session: Session, officer: Officer
) -> DisputeDetailOut:
    """Answer a dispute. What was wrong is corrected before, where it belongs."""
    answered = await service.answer(
        session, officer, dispute_id, outcome=given.outcome, text=given.answer
    )
    return _detail(answered)


@writing.post(
    "/{dispute_id}/withdrawal",
    openapi_extra=IDEMPOTENT,
    responses=problems(DisputeNotFound, DisputeClosed),
)
async def withdraw(dispute_id: DisputeId, session: Session, principal: Earner) -> DisputeDetailOut:
    """Withdraw a dispute that is not answered yet."""
    return _detail(await service.withdraw(session, principal, dispute_id))


def _detail(found: Disputed) -> DisputeDetailOut:
    dispute = found.dispute
    return DisputeDetailOut(**_fields(found), reason=dispute.reason, answer=dispute.answer)


def _fields(found: Disputed) -> dict[str, Any]:
    dispute, beneficiary = found.dispute, found.beneficiary
    is_agent = beneficiary.beneficiary_kind is BeneficiaryKind.AGENT
    audit_read([dispute.member_id, *([dispute.beneficiary_id] if is_agent else [])])
    copied = ("id", "beneficiary_id", "member_id", "payment_id", "line_id", "earned_month")
    times = ("status", "opened_by", "opened_at", "due_at", "closed_by", "closed_at")
    place = ("wadah_id", "branch_code", "region_code")
    return {
        **{name: getattr(dispute, name) for name in (*copied, *times)},
        **{name: getattr(beneficiary, name) for name in place},
        "overdue": rules.is_overdue(dispute.status, due_at=dispute.due_at, now=clock.now()),
    }


router = APIRouter(tags=["disputes"])
for each in (reading, writing):
    router.include_router(each)
