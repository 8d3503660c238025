"""Payments over HTTP. Only banks make payments, through their callbacks."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from payment_service.answers.rules import AllocationCoverage
from payment_service.payments import service
from payment_service.payments.rules import PaymentNotFound
from payment_service.payments.schemas import PaymentOut
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import BillId, MemberId, OrderId, PaymentId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=ReadRoute)
Reader = Annotated[
    Principal,
    Depends(
        require(
            Role.MEMBER,
            Role.AGENT,
            Role.WADAH_ADMIN,
            Role.BRANCH_OFFICER,
            Role.FINANCE_OFFICER,
            Role.AUDITOR,
            Role.ADMIN,
        )
    ),
]

Declined = Annotated[
    Literal[AllocationCoverage.DECLINED] | None,
    Query(description="Only payments of which member-service declined an allocation."),
]


@router.get("", response_model=Page[PaymentOut])
async def list_payments(
    session: ReadSession,
    principal: Reader,
    member_id: MemberId | None = None,
    bill_id: BillId | None = None,
    order_id: OrderId | None = None,
    coverage: Declined = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PaymentOut]:
    """List the payments you may see, the latest first.

    With `coverage=declined`, only those whose money cannot count for the member.
    """
    return await service.list_payments(
        session,
        principal,
        member_id=member_id,
        bill_id=bill_id,
        order_id=order_id,
        is_declined=coverage is not None,
        cursor=cursor,
        limit=limit,
    )


@router.get("/{payment_id}", response_model=PaymentOut, responses=problems(PaymentNotFound))
async def get(payment_id: PaymentId, session: ReadSession, principal: Reader) -> PaymentOut:
    """Return a payment."""
    return await service.show(session, principal, payment_id)
