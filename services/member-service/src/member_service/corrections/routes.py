from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request

from member_service.changes.rules import find_fact_problems
from member_service.clients import gateway
from member_service.corrections import rules, service
from member_service.corrections.rules import (
    CodeNotPossible,
    CodeUnsent,
    ConfirmationCodeWrong,
    ConfirmationThrottled,
    CorrectionApproved,
    CorrectionEnded,
    CorrectionIdTaken,
    CorrectionNotFound,
    CorrectionOpen,
    CorrectionUnchanged,
    EvidenceMissing,
    OwnRecord,
    SecondOfficerRequired,
)
from member_service.corrections.schemas import (
    Approval,
    Confirmation,
    CorrectionCodeOut,
    CorrectionOut,
    CorrectionsOut,
    CorrectionStepOut,
    NewCorrection,
    Rejection,
    SensitiveFacts,
)
from member_service.corrections.service import Addressee, Described, Office
from member_service.members.rules import (
    AgeUnderMinimum,
    BirthDateInFuture,
    MemberNotFound,
    OccupationUnknown,
)
from member_service.requests import KeeperOrMember, Officer, SettingsOf, WholeDatabase, get_settings
from member_service.shared_phones.rules import PhoneMembersFull
from perisai_kit.auth.principal import Principal
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    PreconditionFailed,
    PreconditionRequired,
    TooMany,
    Unavailable,
)
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.dependencies import IfMatch, Keys, Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.client import ServiceClient

PREFIX = "/v1/members/{member_id}/corrections"
router = APIRouter(prefix=PREFIX, tags=["corrections"], route_class=TransactionRoute)
asking = APIRouter(prefix=PREFIX, tags=["corrections"], route_class=ReadRoute)
"""Routes that call the gateway between two transactions."""

CorrectionId = Annotated[UUID, Path(description="Id of the correction.")]
WAIT_S = 60
"""`Retry-After` after too many codes. The gateway counts by quarters of an hour."""
DECIDING = (MemberNotFound, CorrectionNotFound, CorrectionEnded)
RULES = (AgeUnderMinimum, BirthDateInFuture, OccupationUnknown, PhoneMembersFull)


async def _office(settings: SettingsOf, keyring: Keys) -> Office:
    return service.make_office(settings, keyring)


async def _gateway(request: Request) -> ServiceClient:
    client: ServiceClient = request.app.state.gateway
    return client


def _find_problems(proposed: Any, request: Request) -> list[Invalid]:
    """Return what the rules refuse of a proposal that is read as far as it can be."""
    refused: list[Invalid] = []
    if proposed.changes is not None:
        limits = get_settings(request).limits
        refused = find_fact_problems(proposed.changes, limits=limits, on=clock.today())
    viewer: Principal = request.state.principal
    lacks_evidence = (
        proposed.evidence is None and service.is_officer(viewer) and viewer.member_id is None
    )
    return rules.find_problems(refused, lacks_evidence=lacks_evidence)


OfficeOf = Annotated[Office, Depends(_office)]
GatewayOf = Annotated[ServiceClient, Depends(_gateway)]


@router.post(
    "",
    status_code=201,
    response_model_exclude_unset=True,
    responses=problems(
        MemberNotFound,
        PreconditionFailed,
        PreconditionRequired,
        EvidenceMissing,
        CorrectionUnchanged,
        CorrectionOpen,
        CorrectionIdTaken,
        *RULES,
    ),
)
async def propose_correction(
    member_id: MemberId,
    new: Annotated[NewCorrection, BodyRules(_find_problems)],
    session: Session,
    viewer: KeeperOrMember,
    if_match: IfMatch,
    office: OfficeOf,
) -> CorrectionOut:
    """Propose a change of name, date of birth, sex, telephone, occupations or payer.

    It takes effect when the member's code confirms it, or two officers do. An officer's proposal
    with evidence is the first of the two.
    """
    found = await service.propose(
        session, member_id=member_id, new=new, if_match=if_match, viewer=viewer, office=office
    )
    return _out(found)


@router.get("", response_model_exclude_unset=True, responses=problems(MemberNotFound))
async def list_corrections(
    member_id: MemberId, session: Session, viewer: KeeperOrMember
) -> CorrectionsOut:
    """List a member's corrections with the new values, the newest first, at most 50."""
    found = await service.list_newest(session, member_id=member_id, viewer=viewer)
    return CorrectionsOut(items=[_out(each) for each in found])


@router.get(
    "/{correction_id}",
    response_model_exclude_unset=True,
    responses=problems(MemberNotFound, CorrectionNotFound),
)
async def get_correction(
    member_id: MemberId,
    correction_id: CorrectionId,
    session: Session,
    viewer: KeeperOrMember,
) -> CorrectionOut:
    """Show one correction with the new values. The reading is recorded."""
    found = await service.describe(
        session,
        member_id=member_id,
        correction_id=correction_id,
        viewer=viewer,
    )
    return _out(found)


@asking.post(
    "/{correction_id}/code",
    status_code=202,
    responses=problems(*DECIDING, CodeNotPossible, ConfirmationThrottled, CodeUnsent),
)
async def send_code(
    member_id: MemberId,
    correction_id: CorrectionId,
    database: WholeDatabase,
    viewer: KeeperOrMember,
    client: GatewayOf,
) -> CorrectionCodeOut:
    """Send a code to the member's present telephone, with which the member confirms."""
    to = await _find_addressee(database, member_id, correction_id, viewer)
    try:
        expires_in = await gateway.send_code(
            client, subject_id=to.correction_id, member_id=to.member_id, phone=to.phone
        )
    except TooMany:
        raise ConfirmationThrottled(retry_after_s=WAIT_S) from None
    except Conflict:
        raise CodeNotPossible from None
    except Unavailable:
        raise CodeUnsent from None
    return CorrectionCodeOut(expires_in=expires_in)


@asking.post(
    "/{correction_id}/confirmation",
    response_model_exclude_unset=True,
    responses=problems(
        *DECIDING, ConfirmationCodeWrong, ConfirmationThrottled, Unavailable, *RULES
    ),
)
async def confirm_correction(
    member_id: MemberId,
    correction_id: CorrectionId,
    body: Confirmation,
    database: WholeDatabase,
    viewer: KeeperOrMember,
    client: GatewayOf,
    office: OfficeOf,
) -> CorrectionOut:
    """Confirm a correction with the member's code: it takes effect at once."""
    to = await _find_addressee(database, member_id, correction_id, viewer)
    try:
        confirmed = await gateway.try_code(
            client, subject_id=to.correction_id, phone=to.phone, code=body.code
        )
    except TooMany:
        raise ConfirmationThrottled(retry_after_s=WAIT_S) from None
    if not confirmed:
        raise rules.ConfirmationCodeWrong(field="code")
    async with database.begin() as session:
        return _out(await service.confirm(session, addressee=to, viewer=viewer, office=office))


@router.post(
    "/{correction_id}/approval",
    response_model_exclude_unset=True,
    responses=problems(*DECIDING, CorrectionApproved, OwnRecord, SecondOfficerRequired, *RULES),
)
async def approve_correction(
    member_id: MemberId,
    correction_id: CorrectionId,
    body: Approval,
    session: Session,
    officer: Officer,
    office: OfficeOf,
) -> CorrectionOut:
    """Approve a correction with the evidence you have seen, as one of two officers.

    A telephone changes only after a notice to the old number and a delay; the rest at once.
    """
    found = await service.approve(
        session,
        member_id=member_id,
        correction_id=correction_id,
        new=body,
        officer=officer,
        office=office,
    )
    return _out(found)


@router.post(
    "/{correction_id}/rejection",
    response_model_exclude_unset=True,
    responses=problems(*DECIDING, Forbidden),
)
async def reject_correction(
    member_id: MemberId,
    correction_id: CorrectionId,
    body: Rejection,
    session: Session,
    viewer: KeeperOrMember,
) -> CorrectionOut:
    """Reject a correction that has not taken effect: an officer, the member, or its author."""
    found = await service.reject(
        session, member_id=member_id, correction_id=correction_id, new=body, viewer=viewer
    )
    return _out(found)


async def _find_addressee(
    database: Database, member_id: UUID, correction_id: UUID, viewer: Principal
) -> Addressee:
    async with database.read() as session:
        return await service.find_addressee(
            session, member_id=member_id, correction_id=correction_id, viewer=viewer
        )


def _out(found: Described) -> CorrectionOut:
    correction = found.correction
    return CorrectionOut(
        id=correction.id,
        member_id=correction.member_id,
        status=correction.status,
        changes=SensitiveFacts.model_validate_json(correction.changes),
        proposed_by=correction.proposed_by,
        proposed_at=correction.proposed_at,
        expires_at=correction.expires_at,
        effective_at=correction.effective_at,
        steps=[CorrectionStepOut.model_validate(each) for each in found.steps],
    )
