from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.holidays.routes import OffDays
from member_service.overview import service
from member_service.overview.schemas import MembersOverviewOut
from member_service.requests import READERS
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import Session
from perisai_kit.http.transaction import TransactionRoute

router = APIRouter(prefix="/v1/overview", tags=["members"], route_class=TransactionRoute)

Carer = Annotated[Principal, Depends(require(*(each for each in READERS if each != Role.MEMBER)))]


@router.get("/members")
async def get_members_overview(session: Session, viewer: Carer, off: OffDays) -> MembersOverviewOut:
    """Count the members you may see: your own, those of your wadah, or those of your scope."""
    found = await service.count_members(session, viewer=viewer, off=off)
    return MembersOverviewOut(
        on=found.on,
        with_open_bill=found.with_open_bill,
        without_open_bill=found.counts["total"] - found.with_open_bill,
        **found.counts,
    )
