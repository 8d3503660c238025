"""From an application to an agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents import rules as agent_rules
from agent_service.agents import service as agents
from agent_service.agents.rules import Appointment, Person
from agent_service.applications import queries, rules
from agent_service.applications.models import Application, ApplicationChange
from agent_service.applications.rules import ApplicationStatus
from agent_service.applications.schemas import (
    NewApplication,
    NewApproval,
    NewRejection,
    NewWithdrawal,
)
from agent_service.bank_accounts import service as bank_accounts
from agent_service.branches import service as branches
from agent_service.clients.payments import Account
from agent_service.exams import service as exams
from agent_service.exams.schemas import NewExam
from agent_service.history import make_change_columns
from agent_service.requirements import service as requirements
from agent_service.requirements.rules import Facts, Finding, Requirement, RequirementOutcome
from agent_service.requirements.service import Evidence
from agent_service.settings import Settings
from agent_service.trainings import service as trainings
from agent_service.trainings.schemas import NewTraining
from agent_service.wadahs import service as wadahs
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.nik import Nik
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class Described:
    """An application with its requirements, checks and history."""

    application: Application
    requirements: Sequence[Finding]
    evidence: Evidence
    history: Sequence[ApplicationChange]
    agent_id: UUID | None


async def apply(
    session: AsyncSession,
    new: NewApplication,
    *,
    by: Principal,
    keyring: Keyring,
    settings: Settings,
) -> Described:
    """Record an application of the subject.

    Raises: PhoneProofRequired, NikInvalid, WadahNotFound, WadahNotActive, ApplicationOpen,
    AgentExists, ReinstatementTooEarly.
    """
    rules.check_phone(by.amr, by.device_id)
    nik = rules.read_nik(new.nik, birth_date=new.birth_date, on=clock.today())
    wadah = await wadahs.get_choosable(session, new.wadah_id, principal=by, field="wadah_id")
    row = _make_application(new, nik, by=by, nik_hash=keyring.lookup("nik", nik.text))
    row.branch_code, row.region_code = wadah.branch_code, wadah.region_code
    application = await insert_once(session, row)
    if application is None:
        raise rules.ApplicationOpen
    # Check after the insert, to see an approval that has just ended an earlier application.
    await agents.check_may_apply(
        session, nik_hash=application.nik_hash, account_id=application.account_id
    )
    phone = Finding(Requirement.PHONE_AND_DEVICE.value, RequirementOutcome.MET)
    await requirements.record(session, application.id, [phone], by_id=by.account_id)
    record_change(session, application, None, by=by)
    return await describe(session, application, settings=settings)


def _make_application(
    new: NewApplication, nik: Nik, *, by: Principal, nik_hash: bytes
) -> Application:
    return Application(
        id=new_id(),
        account_id=by.account_id,
        device_id=by.device_id,
        account_member_id=by.member_id,
        wadah_id=new.wadah_id,
        nik=nik.text,
        nik_hash=nik_hash,
        nik_warnings=list(nik.warnings),
        birth_date=nik.birth_date.isoformat(),
        full_name=new.full_name,
        citizenship=new.citizenship,
        not_bpjs_employee=new.not_bpjs_employee,
        bank_code=new.bank_code,
        account_no=new.account_no,
        account_holder_name=new.account_holder_name,
        device_description=new.device_description,
        status=ApplicationStatus.APPLIED,
        applied_at=clock.now(),
    )


async def record_training(
    session: AsyncSession,
    application_id: UUID,
    new: NewTraining,
    *,
    by: Principal,
    settings: Settings,
) -> Described:
    """Record that the applicant has completed the training.

    Raises: ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict,
    NotYetHappened.
    """
    application = await _lock_to_decide(session, application_id, by)
    rules.check_next(application.status, ApplicationStatus.TRAINING)
    await trainings.record(session, application.id, new, by_id=by.account_id)
    change_status(session, application, ApplicationStatus.TRAINING, by=by)
    return await describe(session, application, settings=settings)


async def record_exam(
    session: AsyncSession, application_id: UUID, new: NewExam, *, by: Principal, settings: Settings
) -> Described:
    """Record an exam; a failed one may be taken again.

    Raises: ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict,
    NotYetHappened, ExamBeforeTraining.
    """
    application = await _lock_to_decide(session, application_id, by)
    to = ApplicationStatus.EXAM_PASSED if new.passed else ApplicationStatus.EXAM_FAILED
    rules.check_next(application.status, to)
    await exams.record(session, application.id, new, by_id=by.account_id)
    change_status(session, application, to, by=by)
    return await describe(session, application, settings=settings)


async def approve(
    session: AsyncSession,
    application_id: UUID,
    new: NewApproval,
    *,
    by: Principal,
    keyring: Keyring,
    settings: Settings,
) -> Described:
    """Approve an application that meets every requirement: the applicant becomes an agent.

    The application's lock serialises two approvals, and the second finds it ended.
    Raises: ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict,
    ApproverCorrectedAccount, RequirementsUnmet, ApproverRecordedEvidence, AgentExists,
    ReinstatementTooEarly, WadahNotActive.
    """
    application = await _lock_to_decide(session, application_id, by)
    rules.check_live(application.status)
    rules.check_approver(by.account_id, account_corrected_by=application.account_corrected_by)
    local = await judge(session, application, settings=settings)
    await requirements.check_approval(
        session, application.id, required=settings.requirements, fresh=local, by=by.account_id
    )
    rules.check_next(application.status, ApplicationStatus.ACTIVE)
    await requirements.record(session, application.id, local, by_id=by.account_id)
    appointment = _make_appointment(application, new.assignment_letter_number)
    agent = await agents.activate(session, appointment, by=by, keyring=keyring)
    named = Account(application.bank_code, application.account_no, application.account_holder_name)
    await bank_accounts.record_first(
        session, agent, named, approved_by=by.account_id, keyring=keyring
    )
    change_status(session, application, ApplicationStatus.ACTIVE, by=by)
    return await describe(session, application, settings=settings)


async def reject(
    session: AsyncSession,
    application_id: UUID,
    new: NewRejection,
    *,
    by: Principal,
    settings: Settings,
) -> Described:
    """Reject an application, with a reason.

    Raises: ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict.
    """
    application = await _lock_to_decide(session, application_id, by)
    change_status(
        session,
        application,
        ApplicationStatus.REJECTED,
        by=by,
        reason_code=new.reason_code.value,
        reason=new.reason,
    )
    return await describe(session, application, settings=settings)


async def withdraw(
    session: AsyncSession,
    application_id: UUID,
    new: NewWithdrawal,
    *,
    by: Principal,
    settings: Settings,
) -> Described:
    """Withdraw the subject's own application, for good or to apply with other data.

    Raises: ApplicationNotFound, also for another account's; ApplicationStatusConflict.
    """
    own = Application.account_id == by.account_id
    application = await queries.lock_visible(session, application_id, own)
    change_status(session, application, ApplicationStatus.WITHDRAWN, by=by, reason=new.reason)
    return await describe(session, application, settings=settings)


async def get_described(
    session: AsyncSession, application_id: UUID, *, principal: Principal, settings: Settings
) -> Described:
    """Return one application with its requirements, checks and history.

    Raises: ApplicationNotFound, also for one the subject may not see.
    """
    application = await get_visible(session, application_id, principal=principal)
    return await describe(session, application, settings=settings)


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    status: ApplicationStatus | None,
    wadah_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[Application]:
    """Return one page of the applications a subject may see, the oldest first."""
    rows = await queries.list_page(
        session,
        seen=queries.is_visible_to(principal),
        status=status,
        wadah_id=wadah_id,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    _audit_read(page.items)
    return page


async def describe(
    session: AsyncSession, application: Application, *, settings: Settings
) -> Described:
    """Return an application with its requirements, checks and history.

    The requirements of an open application are judged now; an ended one shows the recorded ones.
    """
    await session.flush()
    local: tuple[Finding, ...] = ()
    if application.status in rules.LIVE:
        local = await judge(session, application, settings=settings)
    standing = await requirements.list_findings(
        session, application.id, required=settings.requirements, fresh=local
    )
    return Described(
        application=application,
        requirements=standing,
        evidence=await requirements.load_evidence(session, application.id),
        history=await queries.list_changes(session, application.id),
        agent_id=await agents.find_by_application(session, application.id),
    )


async def get_visible(
    session: AsyncSession, application_id: UUID, *, principal: Principal
) -> Application:
    """Return an application that the subject may see. Raises: ApplicationNotFound."""
    seen = queries.is_visible_to(principal)
    application = await queries.get_visible(session, application_id, seen)
    _audit_read([application])
    return application


async def lock_visible(
    session: AsyncSession, application_id: UUID, *, principal: Principal
) -> Application:
    """Lock an application for a change. Raises: ApplicationNotFound."""
    seen = queries.is_visible_to(principal)
    application = await queries.lock_visible(session, application_id, seen)
    _audit_read([application])
    return application


def _audit_read(applications: Sequence[Application]) -> None:
    """Record the reading under every id of an applicant."""
    for each in applications:
        audit_read((each.account_id, each.member_id, each.account_member_id))


def check_may_decide(application: Application, by: Principal) -> None:
    """Check that an officer in scope, who is not the applicant, decides.

    Raises: OwnCase, BranchOutOfScope.
    """
    members = (application.member_id, application.account_member_id)
    subject = Person(application.account_id, frozenset(each for each in members if each))
    agent_rules.check_not_own(subject, by=agents.make_person(by))
    check_office(application, by)


def check_office(application: Application, by: Principal) -> None:
    """Check that an officer's scope covers the branch. Raises: BranchOutOfScope."""
    branches.check_in_scope(
        by, branch_code=application.branch_code, region_code=application.region_code
    )


async def _lock_to_decide(
    session: AsyncSession, application_id: UUID, by: Principal
) -> Application:
    application = await lock_visible(session, application_id, principal=by)
    check_may_decide(application, by)
    return application


async def judge(
    session: AsyncSession, application: Application, *, settings: Settings
) -> tuple[Finding, ...]:
    """Judge, as of today, every requirement that needs no other service."""
    wadah_id = application.wadah_id
    facts = Facts(
        citizenship=application.citizenship,
        birth_date=date.fromisoformat(application.birth_date),
        not_bpjs_employee=application.not_bpjs_employee,
        phone_proven=bool(application.device_id),
        wadah_inactive_because=await wadahs.find_inactive_reason(
            session, wadah_id, on=clock.today()
        ),
    )
    return await requirements.judge(
        session, application.id, facts, minimum_age=settings.minimum_age
    )


def _make_appointment(application: Application, letter_number: str | None) -> Appointment:
    assert application.member_id is not None, "membership is always required and has been met"
    return Appointment(
        application_id=application.id,
        account_id=application.account_id,
        member_id=application.member_id,
        wadah_id=application.wadah_id,
        branch_code=application.branch_code,
        region_code=application.region_code,
        nik=application.nik,
        full_name=application.full_name,
        assignment_letter_number=letter_number,
    )


def change_status(
    session: AsyncSession,
    application: Application,
    to: ApplicationStatus,
    *,
    by: Principal,
    reason_code: str | None = None,
    reason: str | None = None,
) -> None:
    """Change the status of a locked application. Raises: ApplicationStatusConflict."""
    rules.check_next(application.status, to)
    before, application.status, application.reason_code = application.status, to, reason_code
    record_change(session, application, before, by=by, reason=reason)


def record_change(
    session: AsyncSession,
    application: Application,
    before: ApplicationStatus | None,
    *,
    by: Principal,
    reason: str | None = None,
) -> None:
    """Add an entry to the history of an application."""
    columns = make_change_columns(application, before, by=by, at=clock.now(), reason=reason)
    session.add(ApplicationChange(application_id=application.id, **columns))
