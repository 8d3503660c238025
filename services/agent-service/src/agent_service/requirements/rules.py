"""Requirements of applicants, and rules to judge each answer.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, TooMany
from perisai_kit.domain.nik import compute_age
from perisai_kit.privacy.day_limits import find_wait


class Citizenship(StrEnum):
    WNI = "wni"
    WNA = "wna"


class Requirement(StrEnum):
    """The requirements that we check. Settings may name more, which an officer attests.

    Art. 7(2) lets BPJS add requirements (docs/domain.md, Becoming an agent).
    """

    MEMBERSHIP = "membership"
    OWN_ACCOUNT = "own_account"
    PHONE_AND_DEVICE = "phone_and_device"
    CITIZEN = "citizen"
    ADULT = "adult"
    NOT_EMPLOYEE = "not_bpjs_employee"
    WADAH_ACTIVE = "wadah_active"
    TRAINING = "training"
    EXAM = "exam"


KNOWN = frozenset(requirement.value for requirement in Requirement)
LATER = frozenset({Requirement.TRAINING.value, Requirement.EXAM.value})
"""The verification does not wait for these; they are met later."""


class RequirementOutcome(StrEnum):
    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    """No answer came; ask again."""


class RequirementsUnmet(Conflict):
    """`details["unmet"]` lists requirement, outcome and reason_code of each."""

    code = "requirements_unmet"
    text = "Not all requirements are met yet. Complete the missing ones first."
    text_id = "Belum semua persyaratan terpenuhi. Lengkapi terlebih dahulu."


class ApproverRecordedEvidence(Forbidden):
    code = "approver_recorded_evidence"
    text = (
        "You recorded the verification, the training or the exam of this application."
        " Another officer must approve it."
    )
    text_id = (
        "Anda yang mencatat verifikasi, pelatihan, atau ujian pada pendaftaran ini."
        " Harus disetujui petugas lain."
    )


class TooManyVerifications(TooMany):
    code = "too_many_verifications"
    text = "The bank account of this application was verified too often today. Try again tomorrow."
    text_id = (
        "Rekening pada pendaftaran ini sudah terlalu sering diverifikasi hari ini. Coba lagi besok."
    )


class TooManyOwnVerifications(TooMany):
    code = "too_many_own_verifications"
    text = (
        "You have asked for too many verifications today. Try again later, or ask an officer of "
        "the branch."
    )
    text_id = (
        "Anda sudah terlalu sering meminta verifikasi hari ini. Coba lagi nanti, atau minta "
        "bantuan petugas cabang."
    )


class AttestationRefused(Invalid):
    """`details["requirement"]` cannot be attested."""

    code = "attestation_refused"
    text = (
        "An officer can only attest additional requirements. This requirement is checked in "
        "another way."
    )
    text_id = (
        "Petugas hanya dapat menyatakan persyaratan tambahan. Persyaratan ini diperiksa "
        "dengan cara lain."
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. reason_code: why it is unmet or unknown, or a warning."""

    requirement: str
    outcome: RequirementOutcome
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts for the requirements that need no other service."""

    citizenship: Citizenship
    birth_date: date
    not_bpjs_employee: bool
    phone_proven: bool
    wadah_inactive_because: str | None


def judge_local(
    facts: Facts, *, trained: bool, exam_passed: bool | None, today: date, minimum_age: int
) -> tuple[Finding, ...]:
    """Judge every requirement that needs no other service.

    exam_passed: the result of the latest exam; None if there is none.
    minimum_age: 18 completed years. Source: Perban 1/2023 art. 7 (docs/domain.md).
    """
    return (
        _make_finding(Requirement.PHONE_AND_DEVICE, facts.phone_proven, "phone_not_proven"),
        _make_finding(Requirement.CITIZEN, facts.citizenship is Citizenship.WNI, "not_a_citizen"),
        _make_finding(
            Requirement.ADULT, compute_age(facts.birth_date, today) >= minimum_age, "too_young"
        ),
        _make_finding(Requirement.NOT_EMPLOYEE, facts.not_bpjs_employee, "bpjs_employee"),
        _make_finding(
            Requirement.WADAH_ACTIVE,
            facts.wadah_inactive_because is None,
            facts.wadah_inactive_because or "",
        ),
        _make_finding(Requirement.TRAINING, trained, "no_training_recorded"),
        _make_finding(
            Requirement.EXAM,
            exam_passed is True,
            "no_exam_recorded" if exam_passed is None else "exam_failed",
        ),
    )


def _make_finding(requirement: Requirement, met: bool, why_not: str) -> Finding:
    if met:
        return Finding(requirement.value, RequirementOutcome.MET)
    return Finding(requirement.value, RequirementOutcome.UNMET, why_not)


def judge_membership(
    found_member_id: UUID | None, *, same_name: bool, proven_member_id: UUID | None
) -> Finding:
    """Judge the answer of the look-up by NIK.

    same_name: whether the member has the applicant's name. proven_member_id: the member whose
    telephone the applicant has proved by code. A known NIK and name do not prove the membership.
    """
    name = Requirement.MEMBERSHIP.value
    if found_member_id is None:
        return Finding(name, RequirementOutcome.UNMET, "not_a_member")
    if proven_member_id is None:
        return Finding(name, RequirementOutcome.UNMET, "members_phone_not_proven")
    if proven_member_id != found_member_id:
        return Finding(name, RequirementOutcome.UNMET, "other_persons_nik")
    if not same_name:
        return Finding(name, RequirementOutcome.UNMET, "name_differs")
    return Finding(name, RequirementOutcome.MET)


def make_unanswered_finding(requirement: Requirement) -> Finding:
    """Return the finding of a requirement without an answer."""
    return Finding(requirement.value, RequirementOutcome.UNKNOWN, "no_answer")


def make_refused_finding(requirement: Requirement) -> Finding:
    """Return the finding of a requirement whose data another service refuses."""
    return Finding(requirement.value, RequirementOutcome.UNMET, "not_valid")


def select_configured(required: Sequence[str], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding for each requirement; `not_checked` if there is none.

    findings: a later one of the same requirement replaces an earlier one.
    """
    known = {finding.requirement: finding for finding in findings}
    return tuple(
        known.get(name, Finding(name, RequirementOutcome.UNKNOWN, "not_checked"))
        for name in required
    )


def list_before_training(required: Sequence[str]) -> tuple[str, ...]:
    """Return the configured requirements that a verification checks."""
    return tuple(name for name in required if name not in LATER)


def check_requirements(findings: Sequence[Finding]) -> None:
    """Check that all requirements are met. Raises: RequirementsUnmet with those that are not."""
    unmet = [
        {
            "requirement": finding.requirement,
            "outcome": finding.outcome.value,
            "reason_code": finding.reason_code,
        }
        for finding in findings
        if finding.outcome is not RequirementOutcome.MET
    ]
    if unmet:
        raise RequirementsUnmet(unmet=unmet)


def check_approver(by: UUID, *, recorded_by: Collection[UUID]) -> None:
    """Check that nobody approves on evidence that they recorded. Our rule: no source has one.

    Raises: ApproverRecordedEvidence.
    """
    if by in recorded_by:
        raise ApproverRecordedEvidence


def check_attestations(names: Collection[str], required: Collection[str]) -> None:
    """Check that an officer attests only configured requirements without a check of our own.

    Raises: AttestationRefused.
    """
    for name in names:
        if name in KNOWN or name not in required:
            raise AttestationRefused(field="attestations", requirement=name)


def check_own_verifications(limiting_at: datetime | None, *, now: datetime) -> None:
    """Check how often an applicant has asked whether a NIK is a member's.

    limiting_at: as in `find_wait`. Raises: TooManyOwnVerifications.
    """
    wait_s = find_wait(limiting_at, now=now)
    if wait_s is not None:
        raise TooManyOwnVerifications(retry_after_s=wait_s)


def check_verification_count(count: int, *, limit: int) -> None:
    """Check the number of verifications, because each asks a bank. Raises: TooManyVerifications."""
    if count >= limit:
        raise TooManyVerifications(retry_after_s=3600)
