"""Verify applications: ask other services first, then store the answers in a short transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.applications import queries, rules, service
from agent_service.applications.models import Application
from agent_service.applications.schemas import Attestation, CorrectedAccount
from agent_service.applications.service import Described
from agent_service.bank_accounts import rules as bank_account_rules
from agent_service.bank_accounts import service as bank_accounts
from agent_service.clients.members import find_member
from agent_service.clients.payments import Account
from agent_service.dependencies import Others
from agent_service.requirements import rules as requirement_rules
from agent_service.requirements import service as requirements
from agent_service.requirements.rules import Finding, Requirement, RequirementOutcome
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, Forbidden, Invalid
from perisai_kit.privacy.day_limits import COUNTED
from perisai_kit.runtime.log import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of other services. member_id: the member with the NIK, if it is the applicant.

    account: that the bank was asked about. proven_member_id: the member whose telephone the
    applicant has proved.
    """

    findings: tuple[Finding, ...]
    account: Account
    member_id: UUID | None
    proven_member_id: UUID | None


async def verify(
    database: Database,
    application_id: UUID,
    attestations: Sequence[Attestation],
    *,
    by: Principal,
    others: Others,
    settings: Settings,
) -> Described:
    """Check every requirement that comes before the training, and store each outcome.

    Without an answer the outcome is `unknown`, and the verification can be repeated.
    Raises: ApplicationNotFound, BranchOutOfScope, OwnCase, ApplicationStatusConflict,
    AttestationRefused, TooManyVerifications, TooManyOwnVerifications.
    """
    async with database.read() as session:
        application = await _get_to_verify(session, application_id, by=by, settings=settings)
        if attestations:
            service.check_may_decide(application, by)
            names = [each.requirement for each in attestations]
            requirement_rules.check_attestations(names, settings.requirements)
    answers = await _ask_others(
        application, others, proven_member_id=_find_proven_member(application, by)
    )
    attested = (_make_attested_finding(each) for each in attestations)
    async with database.begin() as session:
        return await _store_answers(
            session,
            application_id,
            replace(answers, findings=(*answers.findings, *attested)),
            by=by,
            settings=settings,
        )


async def correct_account(
    session: AsyncSession,
    application_id: UUID,
    new: CorrectedAccount,
    *,
    by: Principal,
    settings: Settings,
) -> Described:
    """Correct the bank account of an open application, which must then be verified again.

    Raises: ApplicationNotFound, Forbidden, BranchOutOfScope, ApplicationStatusConflict.
    """
    application = await service.lock_visible(session, application_id, principal=by)
    _check_may_verify(application, by)
    rules.check_live(application.status)
    application.bank_code, application.account_no = new.bank_code, new.account_no
    application.account_holder_name = new.account_holder_name
    application.account_corrected_by = by.account_id
    finding = bank_account_rules.make_corrected_finding()
    await requirements.record(session, application.id, [finding], by_id=by.account_id)
    before = application.status
    application.status = rules.find_status_after_verification(before, any_unmet=True, all_met=False)
    application.reason_code = "account_corrected"
    service.record_change(session, application, before, by=by)
    return await service.describe(session, application, settings=settings)


def _check_may_verify(application: Application, by: Principal) -> None:
    """Check that the applicant or an officer in scope acts. Raises: Forbidden, BranchOutOfScope."""
    if application.account_id != by.account_id:
        if not by.has(Role.BRANCH_OFFICER):
            raise Forbidden
        service.check_office(application, by)


async def _get_to_verify(
    session: AsyncSession, application_id: UUID, *, by: Principal, settings: Settings
) -> Application:
    application = await service.get_visible(session, application_id, principal=by)
    _check_may_verify(application, by)
    rules.check_live(application.status)
    now = clock.now()
    if application.account_id == by.account_id:
        limiting_at = await queries.find_own_verification_at(
            session, by.account_id, settings.applicant_verification_daily_limit
        )
        requirement_rules.check_own_verifications(limiting_at, now=now)
    await requirements.check_verification_count(
        session,
        application_id,
        since=now - COUNTED,
        limit=settings.verification_daily_limit,
    )
    return application


async def _store_answers(
    session: AsyncSession,
    application_id: UUID,
    answers: Answers,
    *,
    by: Principal,
    settings: Settings,
) -> Described:
    application = await service.lock_visible(session, application_id, principal=by)
    rules.check_live(application.status)
    application.member_id = answers.member_id or application.member_id
    application.account_member_id = answers.proven_member_id
    local = await service.judge(session, application, settings=settings)
    required = requirement_rules.list_before_training(settings.requirements)
    findings = (*answers.findings, *local)
    if answers.account != _make_account(application):  # corrected while the bank was asked
        findings = tuple(each for each in findings if each.requirement != Requirement.OWN_ACCOUNT)
    new = [each for each in findings if each.requirement in required]
    await requirements.record(session, application.id, new, by_id=by.account_id)
    standing = await requirements.list_findings(session, application.id, required=required)
    outcomes = {finding.outcome for finding in standing}
    to = rules.find_status_after_verification(
        application.status,
        any_unmet=RequirementOutcome.UNMET in outcomes,
        all_met=outcomes == {RequirementOutcome.MET},
    )
    if to is not application.status:
        service.change_status(session, application, to, by=by, reason_code="verification")
    return await service.describe(session, application, settings=settings)


def _find_proven_member(application: Application, by: Principal) -> UUID | None:
    """Return the member whose telephone the applicant has proved, now or when applying.

    A person who became a member after applying proves it by a new sign-in.
    """
    is_own = application.account_id == by.account_id and rules.OTP in by.amr
    return (by.member_id if is_own else None) or application.account_member_id


async def _ask_others(
    application: Application, others: Others, *, proven_member_id: UUID | None
) -> Answers:
    account = _make_account(application)
    (membership, member_id), own_account = await asyncio.gather(
        _ask_for_membership(application, others, proven_member_id=proven_member_id),
        bank_accounts.check_account(others.payments, account, full_name=application.full_name),
    )
    return Answers((membership, own_account), account, member_id, proven_member_id)


def _make_account(application: Application) -> Account:
    return Account(application.bank_code, application.account_no, application.account_holder_name)


async def _ask_for_membership(
    application: Application, others: Others, *, proven_member_id: UUID | None
) -> tuple[Finding, UUID | None]:
    try:
        found = await find_member(
            others.members, nik=application.nik, full_name=application.full_name
        )
    except Invalid:
        return requirement_rules.make_refused_finding(Requirement.MEMBERSHIP), None
    except DomainError as error:
        # Any other failure is between the services; the applicant can ask again.
        log.warning("membership.unanswered", code=error.code)
        return requirement_rules.make_unanswered_finding(Requirement.MEMBERSHIP), None
    finding = requirement_rules.judge_membership(
        found.member_id, same_name=found.same_name, proven_member_id=proven_member_id
    )
    return finding, found.member_id if finding.outcome is RequirementOutcome.MET else None


def _make_attested_finding(attestation: Attestation) -> Finding:
    outcome = RequirementOutcome.MET if attestation.met else RequirementOutcome.UNMET
    return Finding(attestation.requirement, outcome, attestation.reason_code)
