"""Bills over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.bases import issuer
from payment_service.bills import service
from payment_service.bills.rules import (
    BillAlreadyPaid,
    BillEnded,
    BillNotFound,
    BillReplaced,
    BillVoid,
)
from payment_service.bills.schemas import (
    BillCancellation,
    BillOut,
)
from payment_service.principals import Reader
from perisai_kit.auth.principal import Principal
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import BillId
from perisai_kit.http.visibility import ReadRoute

Issuer = Annotated[Principal, Depends(issuer)]


reading = APIRouter(prefix="/v1/bills", route_class=ReadRoute)
writing = APIRouter(prefix="/v1/bills", route_class=TransactionRoute)


@reading.get("/{bill_id}", response_model=BillOut, responses=problems(BillNotFound))
async def get(bill_id: BillId, session: ReadSession, principal: Reader) -> BillOut:
    """Return a bill with its lines and where it can be paid."""
    return await service.get(session, principal, bill_id)


@writing.post(
    "/{bill_id}/cancellation",
    response_model=BillOut,
    responses=problems(BillNotFound, BillAlreadyPaid, BillReplaced, BillVoid, BillEnded),
)
async def cancel(
    bill_id: BillId, wanted: BillCancellation, session: Session, principal: Issuer
) -> BillOut:
    """Make an open bill void, so that nobody pays it any more.

    Money that the customer paid before still counts, also if the bank reports it later.
    """
    return await service.cancel(session, principal, bill_id, reason=wanted.reason)


router = APIRouter(tags=["bills"])
for each in (reading, writing):
    router.include_router(each)
