from fastapi import APIRouter

from agent_service.applications.routes import detail
from agent_service.applications.rules import ApplicationNotFound, ApplicationStateConflict
from agent_service.applications.schemas import ApplicationDetailOut
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import Asks, Configured, SignedIn, WholeDatabase
from agent_service.requirements.rules import AttestationRefused, TooManyVerifications
from agent_service.verifications import service
from agent_service.verifications.schemas import NewVerification
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.problems import problems
from perisai_kit.http.types import ApplicationId

# Not a TransactionRoute: other services are asked, and that is never done inside a transaction.
router = APIRouter(prefix="/v1/applications", tags=["applications"], route_class=JsonRoute)


@router.post(
    "/{application_id}/verification",
    responses=problems(
        ApplicationNotFound,
        BranchOutOfScope,
        ApplicationStateConflict,
        AttestationRefused,
        TooManyVerifications,
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
    """Check the requirements now: by the applicant himself or an officer in scope.

    A requirement whose outcome is `unknown` was not answered; the verification may be repeated.
    """
    attestations = body.attestations if body else ()
    found = await service.verify(
        database, application_id, attestations, by=principal, others=others, settings=settings
    )
    return detail(found)
