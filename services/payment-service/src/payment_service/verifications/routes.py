"""Verifications of closed months over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.dependencies import MonthInPath
from payment_service.principals import Bookkeeper
from payment_service.verifications import service
from payment_service.verifications.rules import (
    MonthNotVerified,
    MonthOpen,
    VerificationRequested,
)
from payment_service.verifications.schemas import (
    DifferenceOut,
    MonthVerificationOut,
    MonthVerificationRequestOut,
)
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute

router = APIRouter(
    prefix="/v1/commission-months/{month}/verification",
    tags=["commission months"],
    route_class=TransactionRoute,
)

Asker = Annotated[
    Principal, Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, scope=ScopeKind.COUNTRY))
]


@router.get("", responses=problems(MonthNotVerified))
async def get_verification(
    month: MonthInPath, session: ReadSession, _: Bookkeeper
) -> MonthVerificationOut:
    """Return the last verification of a closed month.

    After every close, the lines, statements and transfers of the month are computed a second time
    from payments, answers, decisions and schemes, by SQL that shares no code with the first.
    """
    found = await service.get_latest(session, month)
    return MonthVerificationOut(
        month=month,
        verified=found.verdict,
        requested_again=await service.is_requested(session, month),
        started_at=found.started_at,
        finished_at=found.finished_at,
        sql_sha256=found.sql_sha256,
        allocation_count=found.allocation_count,
        left_out_count=found.left_out_count,
        line_count=found.line_count,
        booked_parts=found.booked_parts,
        computed_parts=found.computed_parts,
        statement_count=found.statement_count,
        stated_amount=found.stated_amount,
        computed_amount=found.computed_amount,
        transfer_count=found.transfer_count,
        difference_count=found.difference_count,
        differences=[DifferenceOut.model_validate(each) for each in found.differences],
    )


@router.post(
    "",
    status_code=202,
    openapi_extra=IDEMPOTENT,
    responses=problems(MonthOpen, VerificationRequested),
)
async def request_verification(
    month: MonthInPath, session: Session, officer: Asker
) -> MonthVerificationRequestOut:
    """Ask for a further verification of a closed month; the worker makes it within minutes."""
    asked = await service.request(session, month, by=officer.account_id)
    return MonthVerificationRequestOut(
        id=asked.id, month=asked.month, requested_at=asked.requested_at
    )
