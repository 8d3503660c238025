"""Months of commissions over HTTP. They are closed by closings."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.months import service
from payment_service.months.schemas import CommissionMonthOut
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page

router = APIRouter(prefix="/v1/commission-months", tags=["commission months"])
Bookkeeper = Annotated[Principal, Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN))]


@router.get("", response_model=Page[CommissionMonthOut])
async def list_months(
    session: ReadSession, _: Bookkeeper, cursor: Cursor = None, limit: Limit = 24
) -> Page[CommissionMonthOut]:
    """List the months in which something was earned, open and closed, the latest first."""
    return await service.list_months(session, cursor=cursor, limit=limit)
