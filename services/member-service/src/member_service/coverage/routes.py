from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from member_service.coverage import service
from member_service.coverage.schemas import (
    AttributedOut,
    ContributionBasesOut,
    ContributionBasisLookup,
    ContributionBasisOut,
    CoverageOut,
    EndingOut,
    EndingsOut,
    NewEnding,
    OfferOut,
    RegistrationOut,
)
from member_service.coverage.service import ContributionBasis
from member_service.endings.rules import (
    EndingAlreadyReported,
    EndingDayInvalid,
    EndingIdTaken,
    EndingNotFound,
    find_day_problem,
)
from member_service.evidence import service as evidence
from member_service.evidence.rules import EvidenceIdTaken
from member_service.evidence.schemas import EvidenceListOut, EvidenceOut, NewEvidence
from member_service.holidays.routes import OffDays
from member_service.members.rules import MemberNotFound, NewToBpuBasisMissing, find_basis_problem
from member_service.occupations.rules import find_sector
from member_service.requests import READERS, Officer, OwnMember, Reader, TermsOf
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Invalid
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Instant, MemberId

router = APIRouter(prefix="/v1/members", tags=["coverage"], route_class=TransactionRoute)
own = APIRouter(prefix="/v1/me", tags=["coverage"], route_class=TransactionRoute)
bases = APIRouter(prefix="/v1/contribution-bases", tags=["coverage"], route_class=TransactionRoute)


def _find_evidence_problems(new: Any, _: Request) -> list[Invalid]:
    problem = find_basis_problem(new_to_bpu=new.new_to_bpu, basis=new.basis, field="basis")
    return [problem] if problem else []


def _find_ending_problems(new: Any, _: Request) -> list[Invalid]:
    problem = find_day_problem(new.reason, new.last_day, now=clock.now())
    return [problem] if problem else []


Ending = Annotated[NewEnding, BodyRules(_find_ending_problems)]
Evidence = Annotated[NewEvidence, BodyRules(_find_evidence_problems)]
ReaderOrService = Annotated[Principal, Depends(require(*READERS, Role.SERVICE))]
Service = Annotated[Principal, Depends(require(Role.SERVICE))]


@router.get(
    "/{member_id}/coverage",
    responses=problems(MemberNotFound),
    dependencies=[made_at("at", "known_at")],
)
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


@own.get(
    "/coverage",
    responses=problems(MemberNotFound),
    dependencies=[made_at("at", "known_at")],
)
async def get_own_coverage(
    session: Session, viewer: OwnMember, terms: TermsOf, off: OffDays
) -> CoverageOut:
    """Show whether you are protected now, until when, and what is unpaid."""
    if viewer.member_id is None:
        raise MemberNotFound
    found = await service.get(
        session, member_id=viewer.member_id, viewer=viewer, terms=terms, off=off
    )
    return CoverageOut.of(viewer.member_id, found, terms.waiting)


@router.get("/{member_id}/contribution-basis", responses=problems(MemberNotFound))
async def get_contribution_basis(
    member_id: MemberId,
    session: Session,
    viewer: Service,
    terms: TermsOf,
) -> ContributionBasisOut:
    """Return the facts that price a member's contribution, and the months that can be billed."""
    basis = await service.get_basis(session, member_id=member_id, viewer=viewer, terms=terms)
    return basis_out(basis)


@bases.post("")
async def list_contribution_bases(
    asked: ContributionBasisLookup,
    session: Session,
    viewer: Service,
    terms: TermsOf,
) -> ContributionBasesOut:
    """Return the contribution basis of each member, for an order of several bills.

    The bases have the order asked. A member who is missing in the answer is unknown. The reading of
    all is recorded once.
    """
    found = await service.list_bases(
        session,
        member_ids=asked.member_ids,
        viewer=viewer,
        terms=terms,
    )
    return ContributionBasesOut(items=[basis_out(each) for each in found])


@router.post(
    "/{member_id}/bpu-evidence",
    status_code=201,
    responses=problems(MemberNotFound, NewToBpuBasisMissing, EvidenceIdTaken),
)
async def tell_evidence(
    member_id: MemberId, new: Evidence, session: Session, officer: Officer, terms: TermsOf
) -> EvidenceOut:
    """Record later evidence on whether the person was ever registered as BPU before.

    The latest evidence decides. Changes of acquisitions are booked in the first open month.
    """
    found = await service.take_evidence(
        session, member_id=member_id, new=new, officer=officer, terms=terms
    )
    return EvidenceOut.model_validate(found)


@router.get("/{member_id}/bpu-evidence", responses=problems(MemberNotFound))
async def list_evidence(member_id: MemberId, session: Session, officer: Officer) -> EvidenceListOut:
    """List the evidence on an earlier BPU registration with its sources, the oldest first."""
    found = await evidence.list_(session, member_id=member_id, viewer=officer)
    return EvidenceListOut(items=[EvidenceOut.model_validate(each) for each in found])


@router.post(
    "/{member_id}/endings",
    status_code=201,
    responses=problems(MemberNotFound, EndingDayInvalid, EndingAlreadyReported, EndingIdTaken),
)
async def report_ending(
    member_id: MemberId, new: Ending, session: Session, officer: Officer, terms: TermsOf
) -> EndingOut:
    """Report that a membership ends: a death, a claim, the end of work or a choice.

    Months after the last day are withdrawn, and so is the member's open bill.
    """
    ending = await service.report_ending(
        session, member_id=member_id, new=new, officer=officer, terms=terms
    )
    return EndingOut.model_validate(ending)


@router.post(
    "/{member_id}/endings/{ending_id}/withdrawal",
    responses=problems(MemberNotFound, EndingNotFound),
)
async def withdraw_ending(
    member_id: MemberId,
    ending_id: Annotated[UUID, Path(description="The reported ending.")],
    session: Session,
    officer: Officer,
    terms: TermsOf,
) -> EndingOut:
    """Withdraw a mistaken report. The registration goes on as if it had not been made."""
    ending = await service.withdraw_ending(
        session, member_id=member_id, ending_id=ending_id, officer=officer, terms=terms
    )
    return EndingOut.model_validate(ending)


@router.get("/{member_id}/endings", responses=problems(MemberNotFound))
async def list_endings(member_id: MemberId, session: Session, viewer: Reader) -> EndingsOut:
    """List the reported endings of a member, withdrawn ones too, the oldest first."""
    found = await service.list_endings(session, member_id=member_id, viewer=viewer)
    return EndingsOut(items=[EndingOut.model_validate(each) for each in found])


def basis_out(basis: ContributionBasis) -> ContributionBasisOut:
    today = clock.today()
    member, billable = basis.member, basis.billable
    return ContributionBasisOut(
        member_id=member.id,
        display_name=member.full_name,
        sector=find_sector(member.occupations),
        declared_income=member.declared_income,
        programmes=member.programmes,
        employs_others=member.employs_others,
        payer=member.payer,
        attribution_no=member.present_period.attribution_no,
        periods=[
            AttributedOut.of(row) for row in member.attribution_periods if row.until_date > today
        ],
        registration=RegistrationOut.of(basis.registration) if basis.registration else None,
        settled_since=basis.settled_since,
        offers=[OfferOut.of(each) for each in billable.offers],
        declaration_needed=billable.declaration_needed,
        not_billable=billable.not_billable,
    )
