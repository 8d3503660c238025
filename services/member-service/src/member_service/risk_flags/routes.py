"""Marks for possible fraud over HTTP, for officers and auditors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from member_service.members.queries import OFFICERS
from member_service.members.rules import MemberNotFound
from member_service.requests import LimitsOf
from member_service.risk_flags import service
from member_service.risk_flags.models import RaisedFlag
from member_service.risk_flags.rules import RiskFlag
from member_service.risk_flags.schemas import RaisedFlagOut, RiskFlagsOut
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require
from perisai_kit.domain.month import Month
from perisai_kit.http.dependencies import ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MONTH_PATTERN, AgentId, MemberId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

of_members = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)
flags = APIRouter(prefix="/v1/risk-flags", tags=["risk flags"], route_class=ReadRoute)

Office = Annotated[Principal, Depends(require(*OFFICERS))]


@of_members.get("/{member_id}/risk-flags", responses=problems(MemberNotFound))
async def list_risk_flags(
    member_id: MemberId, session: Session, viewer: Office, limits: LimitsOf
) -> RiskFlagsOut:
    """List the marks for possible fraud on a member, for officers and auditors."""
    found = await service.list_flags_of(session, member_id=member_id, viewer=viewer, limits=limits)
    return RiskFlagsOut(items=found)


@flags.get("")
async def list_flags(
    session: ReplicaSession,
    viewer: Office,
    agent_id: AgentId | None = None,
    month: Annotated[
        str | None,
        Query(
            pattern=MONTH_PATTERN,
            examples=["2026-11"],
            description="Only acquisitions of this month.",
        ),
    ] = None,
    flag: Annotated[RiskFlag | None, Query(description="Only this mark.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[RaisedFlagOut]:
    """List the marks for possible fraud on acquisitions within your scope, the latest first."""
    found = await service.list_flags(
        session,
        viewer,
        agent_id=agent_id,
        month=None if month is None else Month.parse(month),
        flag=flag,
        cursor=cursor,
        limit=limit,
    )
    return found.page(_shown)


def _shown(row: RaisedFlag) -> RaisedFlagOut:
    audit_read([row.member_id, row.agent_id])
    return RaisedFlagOut.model_validate(row)


router = APIRouter()
for each in (of_members, flags):
    router.include_router(each)
