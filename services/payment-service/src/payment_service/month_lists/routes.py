"""Months of commissions over HTTP. They are closed by closings."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.month_lists import service
from payment_service.month_lists.schemas import ListedMonthOut
from payment_service.settings import Config
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page

router = APIRouter(prefix="/v1/commission-months", tags=["commission months"])
Bookkeeper = Annotated[Principal, Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN))]


@router.get("", response_model=Page[ListedMonthOut])
async def list_months(
    session: ReadSession, _: Bookkeeper, config: Config, cursor: Cursor = None, limit: Limit = 24
) -> Page[ListedMonthOut]:
    """List the months in which something was earned, open and closed, the latest first.

    Of a closed month also what is unpaid, and whether that is late.
    """
    return await service.list_months(session, cursor=cursor, limit=limit, settings=config)
