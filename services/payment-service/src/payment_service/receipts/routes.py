"""Receipts over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.payments.rules import PaymentNotFound
from payment_service.receipts import service
from payment_service.receipts.schemas import ReceiptOut
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import PaymentId

router = APIRouter(prefix="/v1/payments", tags=["payments"])
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


@router.get("/{payment_id}/receipt", response_model=ReceiptOut, responses=problems(PaymentNotFound))
async def get_receipt(payment_id: PaymentId, session: ReadSession, principal: Reader) -> ReceiptOut:
    """Return the receipt: what was paid, for which months and programmes, by which bank."""
    return await service.get_receipt(session, principal, payment_id)
