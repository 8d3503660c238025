"""Receipts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from payment_service.payments.rules import PaymentNotFound
from payment_service.principals import Reader
from payment_service.receipts import service
from payment_service.receipts.rules import BillNotNamed, ReceiptNotFound
from payment_service.receipts.schemas import ReceiptOut
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import PaymentId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=ReadRoute)


@router.get(
    "/{payment_id}/receipt",
    response_model=ReceiptOut,
    responses=problems(PaymentNotFound, ReceiptNotFound, BillNotNamed),
)
async def get_receipt(
    payment_id: PaymentId,
    session: ReadSession,
    principal: Reader,
    bill_id: Annotated[
        UUID | None, Query(description="Which bill; needed where you may see several of them.")
    ] = None,
) -> ReceiptOut:
    """Return the receipt of a bill: what was paid, for which months, programmes, by which bank.

    It has the whole name for the member, the agent in care and the branch; the reading by somebody
    else than the member is recorded.
    """
    return await service.get_receipt(session, principal, payment_id, bill_id=bill_id)
