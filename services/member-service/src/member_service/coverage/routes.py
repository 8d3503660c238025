from typing import Annotated

from fastapi import APIRouter, Depends, Query

from member_service.coverage import service
from member_service.coverage.schemas import (
    ContributionBasisOut,
    CoverageOut,
    OfferOut,
    RegistrationOut,
)
from member_service.coverage.service import ContributionBasis
from member_service.holidays.routes import OffDays
from member_service.members.rules import MemberNotFound
from member_service.occupations.rules import sector
from member_service.requests import READERS, RequestId, TermsOf
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Instant, MemberId

router = APIRouter(prefix="/v1/members", tags=["coverage"], route_class=TransactionRoute)

ReaderOrService = Annotated[Principal, Depends(require(*READERS, Role.SERVICE))]
Service = Annotated[Principal, Depends(require(Role.SERVICE))]


@router.get("/{member_id}/coverage", responses=problems(MemberNotFound))
async def get_coverage(
    member_id: MemberId,
    session: Session,
    viewer: ReaderOrService,
    terms: TermsOf,
    off: OffDays,
    at: Annotated[Instant | None, Query(description="Moment to judge; now when left out.")] = None,
    known_at: Annotated[
        Instant | None,
        Query(description="Judge by what was known at this instant; now when left out."),
    ] = None,
) -> CoverageOut:
    """Show whether a member is protected at a moment, until when, and what is unpaid."""
    found = await service.get(
        session,
        member_id=member_id,
        viewer=viewer,
        terms=terms,
        off=off,
        at=at,
        known_at=known_at,
    )
    return CoverageOut.of(member_id, found, terms.waiting)


@router.get("/{member_id}/contribution-basis", responses=problems(MemberNotFound))
async def get_contribution_basis(
    member_id: MemberId,
    session: Session,
    viewer: Service,
    terms: TermsOf,
    request_id: RequestId,
) -> ContributionBasisOut:
    """Give another service what a member's contribution is priced from, and which months."""
    basis = await service.get_basis(
        session, member_id=member_id, viewer=viewer, terms=terms, request_id=request_id
    )
    return _basis_out(basis)


def _basis_out(basis: ContributionBasis) -> ContributionBasisOut:
    member, billable = basis.member, basis.billable
    return ContributionBasisOut(
        member_id=member.id,
        display_name=member.full_name,
        sector=sector(member.occupations),
        declared_income=member.declared_income,
        programmes=member.programmes,
        employs_others=member.employs_others,
        payer=member.payer,
        agent_id=member.agent_id,
        wadah_id=member.wadah_id,
        attribution_id=member.attribution_id,
        branch_code=member.branch_code,
        region_code=member.region_code,
        registration=RegistrationOut.of(basis.registration) if basis.registration else None,
        settled_since=basis.settled_since,
        offers=[OfferOut.of(each) for each in billable.offers],
        declaration_needed=billable.declaration_needed,
        not_billable=billable.not_billable,
    )
