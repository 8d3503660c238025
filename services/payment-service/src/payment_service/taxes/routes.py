"""What is due to the state, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.dependencies import MonthInPath
from payment_service.taxes import service
from payment_service.taxes.schemas import TaxDueOut, TaxRemittanceMonthOut
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession

router = APIRouter(prefix="/v1/tax-remittances", tags=["tax remittances"])
Reader = Annotated[
    Principal,
    Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN, scope=ScopeKind.COUNTRY)),
]


@router.get("/{month}")
async def get_tax_remittance(
    month: MonthInPath, session: ReadSession, _: Reader
) -> TaxRemittanceMonthOut:
    """Return what was withheld from the payments of a month, what was remitted, what is due.

    All net of what banks returned.
    """
    found = await service.due(session, month)
    return TaxRemittanceMonthOut(
        month=month, taxes=[TaxDueOut.model_validate(each) for each in found]
    )
