from typing import Annotated

from fastapi import APIRouter, Depends

from member_service.members.queries import OFFICERS
from member_service.members.rules import MemberNotFound
from member_service.requests import LimitsOf
from member_service.shared_phones import service
from member_service.shared_phones.schemas import RiskFlagsOut
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)

Office = Annotated[Principal, Depends(require(*OFFICERS))]


@router.get("/{member_id}/risk-flags", responses=problems(MemberNotFound))
async def list_risk_flags(
    member_id: MemberId, session: Session, viewer: Office, limits: LimitsOf
) -> RiskFlagsOut:
    """List the marks for possible fraud on a member, for officers and auditors."""
    found = await service.list_flags(session, member_id=member_id, viewer=viewer, limits=limits)
    return RiskFlagsOut(items=found)
