from fastapi import APIRouter

from member_service.attributions import service
from member_service.attributions.rules import (
    AgentUnknown,
    AttributionIdTaken,
    AttributionUnchanged,
    FromMonthOutOfRange,
    ReasonReserved,
)
from member_service.attributions.schemas import AttributionOut, AttributionsOut, NewAttribution
from member_service.members.rules import MemberNotFound
from member_service.requests import Officer, Reader
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)


@router.post(
    "/{member_id}/attributions",
    status_code=201,
    responses=problems(
        MemberNotFound,
        AgentUnknown,
        AttributionUnchanged,
        AttributionIdTaken,
        FromMonthOutOfRange,
        ReasonReserved,
    ),
)
async def attribute(
    member_id: MemberId, new: NewAttribution, session: Session, officer: Officer
) -> AttributionOut:
    """Let a member's contributions count for another agent, or for none, from a month on."""
    attribution = await service.change(session, member_id=member_id, new=new, officer=officer)
    return AttributionOut.model_validate(attribution)


@router.get("/{member_id}/attributions", responses=problems(MemberNotFound))
async def list_attributions(
    member_id: MemberId, session: Session, viewer: Reader
) -> AttributionsOut:
    """List a member's attributions, the newest first, at most 100."""
    found = await service.list_(session, member_id=member_id, viewer=viewer)
    return AttributionsOut(items=[AttributionOut.model_validate(each) for each in found])
