"""Members, as they are read and changed. Registering one is a route of `enrolments`, because it
makes a member and an attribution together."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from member_service.members import queries, service
from member_service.members.rules import (
    CorrectionByOfficer,
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
    MemberNotFound,
    MemberStatus,
    OccupationUnknown,
)
from member_service.members.schemas import (
    ContributionBasis,
    MemberIdentityOut,
    MemberOut,
    MemberPatch,
    MemberSummary,
)
from member_service.occupations.rules import sector
from member_service.requests import (
    After,
    Keeper,
    KeeperOrMember,
    LimitsOf,
    Reader,
    RequestId,
)
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import PreconditionFailed, PreconditionRequired
from perisai_kit.domain.regions import get_region_name
from perisai_kit.http.dependencies import IfMatch, Keys, Session
from perisai_kit.http.etag import etag
from perisai_kit.http.paging import Limit, Page, cut_page
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import AgentId, MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)
Service = Annotated[Principal, Depends(require(Role.SERVICE))]


@router.get("")
async def list_members(
    session: Session,
    viewer: Reader,
    request_id: RequestId,
    after: After,
    status: Annotated[MemberStatus | None, Query(description="Only with this status.")] = None,
    agent_id: AgentId | None = None,
    limit: Limit = 50,
) -> Page[MemberSummary]:
    """List the members you may see, the newest first. The reading is recorded."""
    found = await service.list_(
        session,
        viewer=viewer,
        filters=queries.Filters(status=status, agent_id=agent_id),
        after=after,
        limit=limit,
        request_id=request_id,
    )
    page = cut_page(found, limit, key=lambda member: (member.created_at, member.id))
    return page.page(lambda member: service.shown(MemberSummary, member, viewer))


@router.get("/{member_id}", responses=with_headers(200, "ETag") | problems(MemberNotFound))
async def get_member(
    member_id: MemberId, session: Session, viewer: Reader, request_id: RequestId, response: Response
) -> MemberOut:
    """Show one member, numbers masked, with the ETag that a change needs."""
    member = await service.get(session, member_id=member_id, viewer=viewer, request_id=request_id)
    response.headers["ETag"] = etag(member.version)
    return service.shown(MemberOut, member, viewer)


@router.patch(
    "/{member_id}",
    responses=with_headers(200, "ETag")
    | problems(
        MemberNotFound,
        PreconditionFailed,
        PreconditionRequired,
        CorrectionByOfficer,
        IncomeBelowMinimum,
        MandatoryProgrammeMissing,
        JhtMandatory,
        OccupationUnknown,
    ),
)
async def change_member(
    member_id: MemberId,
    patch: MemberPatch,
    session: Session,
    viewer: Keeper,
    if_match: IfMatch,
    limits: LimitsOf,
    keyring: Keys,
    response: Response,
) -> MemberOut:
    """Change what is sent, if nobody else has changed the member since it was read (If-Match).

    Income, occupations, programmes and payer count for the bills issued from now on. Only an
    officer corrects a date of birth or a sex.
    """
    member = await service.change(
        session,
        member_id=member_id,
        patch=patch,
        if_match=if_match,
        viewer=viewer,
        limits=limits,
        keyring=keyring,
    )
    response.headers["ETag"] = etag(member.version)
    return service.shown(MemberOut, member, viewer)


@router.get("/{member_id}/identity", responses=problems(MemberNotFound))
async def get_identity(
    member_id: MemberId, session: Session, viewer: KeeperOrMember, request_id: RequestId
) -> MemberIdentityOut:
    """Show a member's unmasked data to the own agent, an officer in charge or the member."""
    member = await service.identity(
        session, member_id=member_id, viewer=viewer, request_id=request_id
    )
    values = {name: getattr(member, name, None) for name in MemberIdentityOut.model_fields}
    return MemberIdentityOut.model_validate(
        {**values, "member_id": member.id, "nik_region": get_region_name(member.nik[:6])}
    )


@router.get("/{member_id}/contribution-basis", responses=problems(MemberNotFound))
async def get_contribution_basis(
    member_id: MemberId, session: Session, viewer: Service, request_id: RequestId
) -> ContributionBasis:
    """Give another service what a member's contribution is priced from."""
    member = await service.get(session, member_id=member_id, viewer=viewer, request_id=request_id)
    values = {name: getattr(member, name, None) for name in ContributionBasis.model_fields}
    return ContributionBasis.model_validate(
        {
            **values,
            "member_id": member.id,
            "display_name": member.full_name,
            "sector": sector(member.occupations),
            "status": service.status(member),
        }
    )
