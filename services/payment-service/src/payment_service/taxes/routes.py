"""What is due to the state, over HTTP."""

from fastapi import APIRouter

from payment_service.dependencies import MonthInPath
from payment_service.principals import Bookkeeper
from payment_service.taxes import service
from payment_service.taxes.schemas import (
    TaxDueOut,
    TaxesDueOut,
    TaxOfMonthDueOut,
    TaxRemittanceMonthOut,
)
from perisai_kit.http.dependencies import ReadSession

months = APIRouter(prefix="/v1/tax-remittances")
dues = APIRouter(prefix="/v1/tax-dues")


@months.get("/{month}")
async def get_tax_remittance(
    month: MonthInPath, session: ReadSession, _: Bookkeeper
) -> TaxRemittanceMonthOut:
    """Return what was withheld from the payments of a month, what was remitted, what is due.

    All net of what banks returned.
    """
    found = await service.due(session, month)
    return TaxRemittanceMonthOut(
        month=month, taxes=[TaxDueOut.model_validate(each) for each in found]
    )


@dues.get("")
async def list_tax_dues(session: ReadSession, _: Bookkeeper) -> TaxesDueOut:
    """List each tax of a month that is still due, also of the present month, or was overpaid.

    `due` below zero: payments were returned after the remittance, so the state has too much. It is
    not set off against another month; claim it back, or let a tax adviser say what to do.
    """
    found = await service.list_open(session)
    return TaxesDueOut(items=[TaxOfMonthDueOut.model_validate(each) for each in found])


router = APIRouter(tags=["tax remittances"])
for each in (months, dues):
    router.include_router(each)
