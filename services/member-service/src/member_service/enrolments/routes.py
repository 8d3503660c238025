from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from member_service.asked_niks.rules import TooManyKnownNiks
from member_service.enrolments import service
from member_service.enrolments.rules import (
    BatchIdReused,
    BatchNotFound,
    BranchScopeRequired,
    Form,
    RowStatus,
    find_problems,
    may_repeat,
)
from member_service.enrolments.schemas import (
    EnrolmentBatchOut,
    NewEnrolmentBatch,
    NewMember,
    RowError,
    RowVerdict,
)
from member_service.holidays.routes import LastDue
from member_service.members.routes import show
from member_service.members.rules import (
    AgeOverLimit,
    AgeUnderMinimum,
    MemberIdTaken,
    MemberNikRegistered,
    NewToBpuBasisMissing,
    OccupationsInvalid,
    OccupationUnknown,
)
from member_service.members.schemas import MemberOut
from member_service.requests import Keeper, Language, LimitsOf, get_settings
from member_service.shared_phones.rules import PhoneMembersFull
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.nik import NikInvalid
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
)
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.dependencies import Keys, Session
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import BatchId
from perisai_kit.privacy.read_audit import audit_read

TELLING = (MemberNikRegistered, MemberIdTaken, PhoneMembersFull)
"""Refusals that tell whether somebody has a NIK."""


class RefusalCountedRoute(TransactionRoute):
    """Counts the NIK of a telling refusal after the transaction, which the refusal rolls back."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        in_transaction = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await in_transaction(request)
            except TELLING:
                async with request.app.state.kit.database.begin() as session:
                    await service.record_known_niks(
                        session,
                        account_id=request.state.principal.account_id,
                        nik_hashes=[request.state.nik_hash],
                        limits=get_settings(request).limits,
                    )
                raise

        return handle


router = APIRouter(prefix="/v1", route_class=TransactionRoute)
registering = APIRouter(prefix="/v1", route_class=RefusalCountedRoute)


def _find_problems(form: Form, request: Request) -> list[DomainError]:
    now = clock.now()
    limits = get_settings(request).limits
    return find_problems(form, limits=limits, at=now, on=jakarta_date(now))


Enroller = Annotated[Principal, Depends(require(Role.AGENT, Role.BRANCH_OFFICER))]


@registering.post(
    "/members",
    tags=["members"],
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=with_headers(201, "ETag", "Location")
    | problems(
        BranchScopeRequired,
        MemberNikRegistered,
        MemberIdTaken,
        PhoneMembersFull,
        NikInvalid,
        AgeUnderMinimum,
        AgeOverLimit,
        IncomeBelowMinimum,
        MandatoryProgrammeMissing,
        JhtMandatory,
        OccupationsInvalid,
        OccupationUnknown,
        NewToBpuBasisMissing,
        TooManyKnownNiks,
    ),
)
async def register_member(
    new: Annotated[NewMember, BodyRules(_find_problems)],
    session: Session,
    principal: Enroller,
    limits: LimitsOf,
    keyring: Keys,
    last_due: LastDue,
    request: Request,
    response: Response,
) -> MemberOut:
    """Register one worker as a member, attributed to the agent who does it.

    An officer registers for the branch, without an agent. Coverage begins only with a payment.
    """
    desk = service.make_desk(principal, limits=limits, keyring=keyring)
    request.state.nik_hash = keyring.lookup("nik", new.nik)
    member = await service.enrol(session, form=new, desk=desk, principal=principal)
    response.headers["ETag"] = etag(member.version)
    response.headers["Location"] = f"/v1/members/{member.id}"
    return show(MemberOut, member, principal, last_due=last_due)


@router.post(
    "/enrolment-batches",
    tags=["enrolments"],
    status_code=207,
    openapi_extra=IDEMPOTENT,
    responses=problems(BranchScopeRequired, BatchIdReused, TooManyKnownNiks),
)
async def enrol_batch(
    new: NewEnrolmentBatch,
    session: Session,
    principal: Enroller,
    limits: LimitsOf,
    keyring: Keys,
    language: Language,
) -> EnrolmentBatchOut:
    """Register up to 200 workers who were recorded offline, with a verdict on each row.

    A wrong row does not affect others. A repeated batch gets the same verdicts and changes nothing.
    """
    desk = service.make_desk(principal, limits=limits, keyring=keyring)
    return _out(await service.enrol_batch(session, new=new, desk=desk), language)


@router.get("/enrolment-batches/{batch_id}", tags=["enrolments"], responses=problems(BatchNotFound))
async def get_batch(
    batch_id: BatchId, session: Session, viewer: Keeper, language: Language
) -> EnrolmentBatchOut:
    """Show a batch you sent, or one of your scope, with its verdicts."""
    return _out(await service.get_batch(session, batch_id=batch_id, viewer=viewer), language)


def _out(result: service.BatchResult, language: str) -> EnrolmentBatchOut:
    counts = service.count_verdicts(result)
    audit_read(row.member_id for row in result.rows)
    detail = "detail_id" if language == "id" else "detail"
    return EnrolmentBatchOut(
        batch_id=result.batch.id,
        received_at=result.batch.received_at,
        accepted=counts[RowStatus.ACCEPTED],
        refused=counts[RowStatus.REFUSED],
        duplicate=counts[RowStatus.DUPLICATE],
        rows=[
            RowVerdict(
                row=row.row,
                id=row.row_id,
                status=row.status,
                code=row.code,
                member_id=row.member_id,
                may_repeat=may_repeat(row.status, [each["code"] for each in row.errors]),
                errors=[
                    RowError(pointer=each["pointer"], code=each["code"], detail=each[detail])
                    for each in row.errors
                ],
            )
            for row in result.rows
        ],
    )
