"""Refused payments over HTTP, for those who answer for the money."""

from typing import Annotated

from fastapi import APIRouter, Query

from payment_service.bills.rules import shown_status
from payment_service.days import DaysBackward, DaysNeeded
from payment_service.dependencies import AskedDays
from payment_service.principals import Bookkeeper
from payment_service.refused_payments import service
from payment_service.refused_payments.rules import RefusedStatus
from payment_service.refused_payments.schemas import RefusedBillOut, RefusedPaymentOut
from payment_service.refused_payments.service import Shown
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import PartnerId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/refused-payments", tags=["refused payments"], route_class=ReadRoute)


@router.get("", responses=problems(DaysBackward, DaysNeeded))
async def list_refused_payments(
    session: ReplicaSession,
    principal: Bookkeeper,
    days: AskedDays,
    partner_id: PartnerId | None = None,
    status: Annotated[RefusedStatus | None, Query(description="Only with this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[RefusedPaymentOut]:
    """List the payments that were refused, over all banks, the latest first.

    The days are those of `received_at`: at most 31, by default the last 31. Signed payments that
    were sent wrong, or whose request id was used before for something else, are among them; an
    exact repeat of an earlier message, and a body that could not be read, is not.
    """
    found = await service.list_refused(
        session, principal, days, partner_id=partner_id, status=status, cursor=cursor, limit=limit
    )
    return found.page(_out)


def _out(shown: Shown) -> RefusedPaymentOut:
    callback, now = shown.refused.callback, clock.now()
    return RefusedPaymentOut(
        id=callback.id,
        received_at=callback.received_at,
        business_on=jakarta_date(callback.received_at),
        partner_id=callback.partner_id,
        partner_name=shown.refused.partner_name,
        payment_request_id=callback.request_id,
        partner_service_id=shown.sent.partner_service_id or None,
        customer_no=shown.sent.customer_no or None,
        virtual_account_no=shown.sent.virtual_account_no or None,
        response_code=callback.response_code,
        offered_amount=callback.offered_amount,
        expected_amount=shown.refused.expected,
        order_id=callback.order_id,
        bills=[
            RefusedBillOut(
                id=bill.id,
                member_id=bill.member_id,
                member_name=shown.people[bill.id].member_name,
                status=shown_status(bill.status, expires_at=bill.expires_at, at=now),
            )
            for bill in shown.bills
        ],
        is_held=shown.refused.is_held,
        status=shown.status,
    )
