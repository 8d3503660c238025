from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from member_service.holidays import service
from member_service.holidays.rules import Holidays, last_month_due
from member_service.holidays.schemas import HolidayOut, HolidaysOut, NewHolidayCorrection
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.http.dependencies import Session
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Day

router = APIRouter(prefix="/v1/holidays", tags=["holidays"], route_class=TransactionRoute)


async def _off_days(request: Request, session: Session) -> Holidays:
    return await service.load(session, joint_leave=request.app.state.joint_leave_counts)


async def _last_due(days: "OffDays") -> Month:
    return last_month_due(clock.today(), days)


OffDays = Annotated[Holidays, Depends(_off_days)]
LastDue = Annotated[Month, Depends(_last_due)]
"""The last contribution month whose due day has passed."""

Anybody = Annotated[Principal, Depends(require())]
Administrator = Annotated[Principal, Depends(require(Role.ADMIN, scope=ScopeKind.COUNTRY))]


@router.get("")
async def list_holidays(
    days: OffDays,
    _: Anybody,
    year: Annotated[int, Query(ge=2000, le=2100, description="Calendar year.")],
) -> HolidaysOut:
    """List the public holidays of a year: a contribution is never due on one.

    Days of the lunar calendar are estimates until the government has fixed them.
    """
    return HolidaysOut(items=[HolidayOut.of(each) for each in days.list_year(year)])


@router.put("/{day}", status_code=204)
async def correct_holiday(
    day: Annotated[Day, Path(description="The day to correct.")],
    correction: NewHolidayCorrection,
    session: Session,
    administrator: Administrator,
) -> Response:
    """Set or remove a holiday, for example after a decree. Standings follow at once."""
    await service.correct(
        session,
        day=day,
        is_holiday=correction.is_holiday,
        name=correction.name,
        by=administrator.account_id,
    )
    return Response(status_code=204)
