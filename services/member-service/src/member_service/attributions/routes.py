from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.attributions import service
from member_service.attributions.rules import (
    AgentUnknown,
    Asked,
    AttributionBegun,
    AttributionIdTaken,
    AttributionNotFound,
    AttributionUnchanged,
    FromDateInvalid,
    HandoverPlanned,
    OwnMembership,
    ReasonReserved,
    find_problems,
)
from member_service.attributions.schemas import (
    AttributedAgentOut,
    AttributionOut,
    AttributionPeriodOut,
    AttributionsOut,
    NewAttribution,
    OwnAttributionOut,
)
from member_service.members.rules import MemberNotFound
from member_service.requests import Officer, OwnMember, Reader
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Invalid
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)
own = APIRouter(prefix="/v1/me/attribution", tags=["members"], route_class=ReadRoute)


def find_asked_problems(asked: Asked, _: Request) -> list[Invalid]:
    """Return what the rules refuse of a hand-over that is read as far as it can be."""
    return find_problems(asked, today=clock.today())


@router.post(
    "/{member_id}/attributions",
    status_code=201,
    responses=problems(
        MemberNotFound,
        AgentUnknown,
        AttributionUnchanged,
        AttributionIdTaken,
        HandoverPlanned,
        OwnMembership,
        FromDateInvalid,
        ReasonReserved,
    ),
)
async def attribute(
    member_id: MemberId,
    new: Annotated[NewAttribution, BodyRules(find_asked_problems)],
    session: Session,
    officer: Officer,
) -> AttributionOut:
    """Hand a member over to another agent or to the branch, at once or from a month on.

    The agent of a member sees the member, and earns from payments of that day and later.
    """
    attribution = await service.change(session, member_id=member_id, new=new, officer=officer)
    return AttributionOut.model_validate(attribution)


@router.post(
    "/{member_id}/attributions/{attribution_id}/withdrawal",
    responses=problems(MemberNotFound, AttributionNotFound, AttributionBegun),
)
async def withdraw_attribution(
    member_id: MemberId,
    attribution_id: Annotated[UUID, Path(description="The attribution.")],
    session: Session,
    officer: Officer,
) -> AttributionOut:
    """Withdraw a hand-over that has not begun. The attribution stays as if it had not been made."""
    attribution = await service.withdraw(
        session, member_id=member_id, attribution_id=attribution_id, officer=officer
    )
    return AttributionOut.model_validate(attribution)


@router.get("/{member_id}/attributions", responses=problems(MemberNotFound))
async def list_attributions(
    member_id: MemberId, session: Session, viewer: Reader
) -> AttributionsOut:
    """List decisions on the attribution of a member, newest first, at most 100, and its periods."""
    found, periods = await service.list_(session, member_id=member_id, viewer=viewer)
    return AttributionsOut(
        items=[AttributionOut.model_validate(each) for each in found],
        periods=[_period_out(each) for each in periods],
    )


@own.get("", responses=problems(MemberNotFound))
async def get_own_attribution(session: ReadSession, viewer: OwnMember) -> OwnAttributionOut:
    """Return your agent today, with name and telephone, or the branch.

    A suspended or dismissed agent is not shown. The reading is recorded for the agent.
    """
    found = await service.find_own(session, viewer=viewer)
    present, contact = found.member.present_period, found.contact
    agent = contact and AttributedAgentOut(
        agent_id=contact.agent_id, full_name=contact.full_name, phone=contact.phone
    )
    return OwnAttributionOut(
        member_id=found.member.id,
        agent=agent,
        branch_code=present.branch_code,
        from_date=present.from_date,
    )


def _period_out(row: AttributionPeriodRow) -> AttributionPeriodOut:
    until = None if row.until_date == date.max else row.until_date
    values = {name: getattr(row, name) for name in AttributionPeriodOut.model_fields}
    return AttributionPeriodOut.model_validate({**values, "until_date": until})
