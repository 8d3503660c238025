from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.coverage import rules, service
from member_service.coverage.schemas import CoverageOut, PaidMonthOut, WaitingPeriod
from member_service.members.rules import MemberNotFound
from member_service.requests import READERS
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["coverage"])

ReaderOrService = Annotated[Principal, Depends(require(*READERS, Role.SERVICE))]


@router.get("/{member_id}/coverage", responses=problems(MemberNotFound))
async def get_coverage(
    member_id: MemberId, session: ReadSession, viewer: ReaderOrService
) -> CoverageOut:
    """Show whether a member is protected today, until when, and what is unpaid."""
    found = await service.get(session, member_id=member_id, viewer=viewer)
    coverage = found.coverage
    return CoverageOut(
        member_id=member_id,
        on=found.on,
        status=coverage.status,
        covered_today=coverage.covered_today,
        covered_if_arrears_paid=coverage.covered_if_arrears_paid,
        registered_on=coverage.registered_on,
        covered_from=coverage.covered_from,
        paid_through=coverage.paid_through,
        unpaid_months=list(coverage.unpaid_months),
        next_due_on=coverage.next_due_on,
        lapses_on=coverage.lapses_on,
        waiting_period=WaitingPeriod(
            required_months=rules.WAITING_MONTHS,
            consecutive_months=coverage.consecutive_months,
            is_over=coverage.jkm_full_benefit,
        ),
        jkm_benefit=coverage.jkm_benefit,
        months=[PaidMonthOut.model_validate(each) for each in found.months],
    )
