from typing import Annotated

from fastapi import APIRouter, Depends, Request

from member_service.overview.schemas import MembersOverviewOut
from member_service.overview.service import Overview
from member_service.requests import READERS
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.answers.overviews import Overviews

router = APIRouter(prefix="/v1/overview", tags=["members"])

Carer = Annotated[Principal, Depends(require(*(each for each in READERS if each != Role.MEMBER)))]


async def _overviews(request: Request) -> Overviews[Overview]:
    overviews: Overviews[Overview] = request.app.state.overviews
    return overviews


@router.get("/members", dependencies=[made_at("as_of")])
async def get_members_overview(
    viewer: Carer, overviews: Annotated[Overviews[Overview], Depends(_overviews)]
) -> MembersOverviewOut:
    """Count the members you may see: your own, those of your wadah, or those of your scope.

    Of an office the counts may be half a minute old: `as_of` says.
    """
    found = await overviews.read(viewer)
    return MembersOverviewOut(
        on=found.on,
        as_of=found.as_of,
        with_open_bill=found.with_open_bill,
        without_open_bill=found.counts["total"] - found.with_open_bill,
        **found.counts,
    )
