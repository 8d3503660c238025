from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from agent_service.agents.rules import AgentExists, OwnCase, ReinstatementTooEarly
from agent_service.applications import rules, service, verification
from agent_service.applications.models import Application
from agent_service.applications.rules import (
    ApplicationNotFound,
    ApplicationOpen,
    ApplicationStatus,
    ApplicationStatusConflict,
    ApproverCorrectedAccount,
    PhoneProofRequired,
    may_name,
)
from agent_service.applications.schemas import (
    ApplicantIdentityOut,
    ApplicationChangeOut,
    ApplicationDetailOut,
    ApplicationOut,
    CorrectedAccount,
    NewApplication,
    NewApproval,
    NewRejection,
    NewVerification,
    NewWithdrawal,
)
from agent_service.applications.service import Described
from agent_service.asked_niks import service as asked_niks
from agent_service.asked_niks.rules import TooManyNiks
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import (
    Asks,
    Configured,
    Officer,
    SignedIn,
    WholeDatabase,
)
from agent_service.exams.rules import ExamBeforeTraining
from agent_service.exams.schemas import ExamOut, NewExam
from agent_service.requirements.rules import (
    ApproverRecordedEvidence,
    AttestationRefused,
    RequirementsUnmet,
    TooManyOwnVerifications,
    TooManyVerifications,
)
from agent_service.requirements.schemas import RequirementCheckOut, RequirementFindingOut
from agent_service.trainings.rules import NotYetHappened
from agent_service.trainings.schemas import NewTraining, TrainingOut
from agent_service.wadahs.rules import WadahNotActive, WadahNotFound
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.domain.nik import NikInvalid
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.body import JsonRequest, to_json_request
from perisai_kit.http.dependencies import Keys, ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import ApplicationId, WadahId
from perisai_kit.http.visibility import ReadRoute


class NikFirstRoute(TransactionRoute):
    """Counts the NIK before the transaction opens, because a refusal rolls that back.

    The refusal is kept for the route to raise, so that a repeat gets its first answer.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        in_transaction = super().get_route_handler()

        async def handle(request: Request) -> Response:
            once = to_json_request(request)
            once.state.too_many_niks = await _count_nik(once)
            return await in_transaction(once)

        return handle


async def _count_nik(request: JsonRequest) -> TooManyNiks | None:
    applicant = await _require_signed_in(request)
    kit = request.app.state.kit
    try:
        rules.check_phone(applicant.amr, applicant.device_id)
        form = NewApplication.model_validate(await request.json() if request.is_json else None)
        if rules.find_problems(form, on=clock.today()):
            return None
        async with kit.database.begin() as session:
            await asked_niks.ask(
                session,
                account_id=applicant.account_id,
                nik_hash=kit.keyring.lookup("nik", form.nik),
                limit=kit.settings.applicant_nik_daily_limit,
            )
    except TooManyNiks as error:
        return error
    except (PhoneProofRequired, ValidationError):
        pass  # the route refuses it as well, and tells nothing about anybody
    return None


_require_signed_in = require()
applying = APIRouter(prefix="/v1/applications", tags=["applications"], route_class=NikFirstRoute)
router = APIRouter(prefix="/v1/applications", tags=["applications"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/applications", tags=["applications"], route_class=ReadRoute)
# Not a TransactionRoute: calls to other services must not run inside a transaction.
asking = APIRouter(prefix="/v1/applications", tags=["applications"], route_class=ReadRoute)


def _find_problems(form: rules.Form, _: Request) -> list[NikInvalid]:
    return rules.find_problems(form, on=clock.today())


DECIDING = (ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict)


@applying.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PhoneProofRequired,
        WadahNotFound,
        WadahNotActive,
        NikInvalid,
        ApplicationOpen,
        AgentExists,
        ReinstatementTooEarly,
        TooManyNiks,
    ),
)
async def apply(
    body: Annotated[NewApplication, BodyRules(_find_problems)],
    request: Request,
    session: Session,
    applicant: SignedIn,
    keyring: Keys,
    settings: Configured,
) -> ApplicationDetailOut:
    """Apply to become an agent, for yourself, with your own phone and device."""
    if request.state.too_many_niks is not None:
        raise request.state.too_many_niks
    found = await service.apply(session, body, by=applicant, keyring=keyring, settings=settings)
    return _detail(found, applicant)


@reading.get("")
async def list_applications(
    session: ReplicaSession,
    principal: SignedIn,
    status: Annotated[
        ApplicationStatus | None, Query(description="Only applications in this status.")
    ] = None,
    wadah_id: Annotated[WadahId | None, Query(description="Only of this wadah.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ApplicationOut]:
    """List the applications you may see, the oldest first: your own, your wadah's or scope's.

    Names are whole in your own application, and masked in others.
    """
    found = await service.list_visible(
        session, principal=principal, status=status, wadah_id=wadah_id, cursor=cursor, limit=limit
    )
    return found.page(lambda application: _summary(application, principal))


@reading.get("/{application_id}", responses=problems(ApplicationNotFound))
async def get_application(
    application_id: ApplicationId, session: ReadSession, principal: SignedIn, settings: Configured
) -> ApplicationDetailOut:
    """Return one application with its requirements, checks and history."""
    found = await service.get_described(
        session, application_id, principal=principal, settings=settings
    )
    return _detail(found, principal)


@reading.get(
    "/{application_id}/identity",
    response_model=ApplicantIdentityOut,
    responses=problems(ApplicationNotFound),
)
async def get_identity(
    application_id: ApplicationId, session: ReadSession, officer: Officer
) -> Application:
    """Return the applicant's NIK, name and account unmasked. Every reading is recorded."""
    return await service.get_visible(session, application_id, principal=officer)


@router.post("/{application_id}/training", responses=problems(*DECIDING, NotYetHappened))
async def record_training(
    application_id: ApplicationId,
    body: NewTraining,
    session: Session,
    officer: Officer,
    settings: Configured,
) -> ApplicationDetailOut:
    """Record that the applicant has completed the training."""
    found = await service.record_training(
        session, application_id, body, by=officer, settings=settings
    )
    return _detail(found, officer)


@router.post(
    "/{application_id}/exam", responses=problems(*DECIDING, NotYetHappened, ExamBeforeTraining)
)
async def record_exam(
    application_id: ApplicationId,
    body: NewExam,
    session: Session,
    officer: Officer,
    settings: Configured,
) -> ApplicationDetailOut:
    """Record an exam. A failed one may be taken again; the latest counts."""
    found = await service.record_exam(session, application_id, body, by=officer, settings=settings)
    return _detail(found, officer)


@router.post(
    "/{application_id}/approval",
    responses=problems(
        *DECIDING,
        ApproverCorrectedAccount,
        RequirementsUnmet,
        ApproverRecordedEvidence,
        AgentExists,
        ReinstatementTooEarly,
        WadahNotActive,
    ),
)
async def approve_application(
    application_id: ApplicationId,
    session: Session,
    officer: Officer,
    keyring: Keys,
    settings: Configured,
    body: NewApproval | None = None,
) -> ApplicationDetailOut:
    """Approve an application whose requirements are all met: the applicant becomes an agent."""
    found = await service.approve(
        session,
        application_id,
        body or NewApproval(),
        by=officer,
        keyring=keyring,
        settings=settings,
    )
    return _detail(found, officer)


@router.post("/{application_id}/rejection", responses=problems(*DECIDING))
async def reject_application(
    application_id: ApplicationId,
    body: NewRejection,
    session: Session,
    officer: Officer,
    settings: Configured,
) -> ApplicationDetailOut:
    """Reject an application, with a reason."""
    found = await service.reject(session, application_id, body, by=officer, settings=settings)
    return _detail(found, officer)


@router.post(
    "/{application_id}/withdrawal",
    responses=problems(ApplicationNotFound, ApplicationStatusConflict),
)
async def withdraw_application(
    application_id: ApplicationId,
    session: Session,
    applicant: SignedIn,
    settings: Configured,
    body: NewWithdrawal | None = None,
) -> ApplicationDetailOut:
    """Withdraw your own application, for good or to apply with other data."""
    found = await service.withdraw(
        session, application_id, body or NewWithdrawal(), by=applicant, settings=settings
    )
    return _detail(found, applicant)


@router.put(
    "/{application_id}/bank-account",
    responses=problems(ApplicationNotFound, BranchOutOfScope, ApplicationStatusConflict),
)
async def correct_bank_account(
    application_id: ApplicationId,
    body: CorrectedAccount,
    session: Session,
    principal: SignedIn,
    settings: Configured,
) -> ApplicationDetailOut:
    """Correct the bank account of an open application, as the applicant or an officer in scope.

    It must be verified again, and the officer who corrected it cannot approve.
    """
    found = await verification.correct_account(
        session, application_id, body, by=principal, settings=settings
    )
    return _detail(found, principal)


@asking.post(
    "/{application_id}/verification",
    responses=problems(
        ApplicationNotFound,
        BranchOutOfScope,
        ApplicationStatusConflict,
        AttestationRefused,
        TooManyVerifications,
        TooManyOwnVerifications,
    ),
)
async def verify_application(
    application_id: ApplicationId,
    database: WholeDatabase,
    principal: SignedIn,
    others: Asks,
    settings: Configured,
    body: NewVerification | None = None,
) -> ApplicationDetailOut:
    """Check the requirements now, as the applicant or as an officer in scope.

    `unknown` means that no answer came. Repeat the verification later.
    """
    attestations = body.attestations if body else ()
    found = await verification.verify(
        database, application_id, attestations, by=principal, others=others, settings=settings
    )
    return _detail(found, principal)


def _summary(application: Application, reader: Principal) -> ApplicationOut:
    return ApplicationOut.model_validate(application).model_copy(update=_names(application, reader))


def _names(application: Application, reader: Principal) -> dict[str, str]:
    """Return the names of an application whole, or nothing where they stay masked."""
    if not may_name(reader.account_id, application.account_id):
        return {}
    return {
        "full_name": application.full_name,
        "account_holder_name": application.account_holder_name,
    }


def _detail(found: Described, reader: Principal) -> ApplicationDetailOut:
    """Return the whole application as the reader may see it."""
    evidence = found.evidence
    return ApplicationDetailOut.model_validate(found.application).model_copy(
        update={
            **_names(found.application, reader),
            "requirements": tuple(
                RequirementFindingOut.model_validate(each) for each in found.requirements
            ),
            "checks": tuple(RequirementCheckOut.model_validate(each) for each in evidence.checks),
            "training": evidence.training and TrainingOut.model_validate(evidence.training),
            "exam": evidence.exam and ExamOut.model_validate(evidence.exam),
            "history": tuple(ApplicationChangeOut.model_validate(each) for each in found.history),
            "agent_id": found.agent_id,
        }
    )
