"""Rules for applications and their status.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7) and Steps found in practice.
"""

from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound
from perisai_kit.domain.nik import Nik, NikInvalid, parse_nik
from perisai_kit.domain.regions import is_known_region

OTP = "otp"


class ApplicationStatus(StrEnum):
    APPLIED = "applied"
    DOCS_INCOMPLETE = "docs_incomplete"
    VERIFIED = "verified"
    TRAINING = "training"
    EXAM_PASSED = "exam_passed"
    EXAM_FAILED = "exam_failed"
    ACTIVE = "active"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_S = ApplicationStatus
ENDED = frozenset({_S.ACTIVE, _S.REJECTED, _S.WITHDRAWN})
LIVE = frozenset(ApplicationStatus) - ENDED
_OUT = frozenset({_S.REJECTED, _S.WITHDRAWN})
NEXT: Mapping[ApplicationStatus, frozenset[ApplicationStatus]] = {
    _S.APPLIED: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED}) | _OUT,
    _S.DOCS_INCOMPLETE: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED}) | _OUT,
    # Straight to active only if the settings require no training or no exam.
    _S.VERIFIED: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED, _S.TRAINING, _S.ACTIVE}) | _OUT,
    _S.TRAINING: frozenset({_S.EXAM_PASSED, _S.EXAM_FAILED, _S.ACTIVE}) | _OUT,
    # A failed exam can be repeated, with or without another training.
    _S.EXAM_FAILED: frozenset({_S.TRAINING, _S.EXAM_PASSED, _S.EXAM_FAILED}) | _OUT,
    _S.EXAM_PASSED: frozenset({_S.ACTIVE}) | _OUT,
    _S.ACTIVE: frozenset(),
    _S.REJECTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


class RejectionReason(StrEnum):
    """Ours: no source lists reasons."""

    REQUIREMENTS_NOT_MET = "requirements_not_met"
    FALSE_STATEMENT = "false_statement"
    DUPLICATE = "duplicate"
    NO_NEED = "no_need"
    OTHER = "other"


class ApplicationNotFound(NotFound):
    code = "application_not_found"
    text = "There is no such application, or you may not see it."
    text_id = "Pendaftaran tidak ditemukan, atau Anda tidak berwenang melihatnya."


class PhoneProofRequired(Forbidden):
    code = "phone_proof_required"
    text = "Apply from your own phone: sign in with a one-time code on it first."
    text_id = "Daftar dari ponsel sendiri: masuk dulu dengan kode OTP di ponsel itu."


class ApplicationOpen(Conflict):
    code = "application_open"
    text = "This person or account already has an open application. Wait for the decision on it."
    text_id = "Orang atau akun ini masih memiliki pendaftaran yang diproses. Tunggu keputusannya."


class ApplicationStatusConflict(Conflict):
    """`details` holds `status`, the present status, and `to`, the requested one."""

    code = "application_status"
    text = "The status of the application does not allow this step. Read the application again."
    text_id = (
        "Status pendaftaran saat ini tidak memungkinkan langkah ini. Muat ulang data pendaftaran."
    )


class ApproverCorrectedAccount(Forbidden):
    code = "approver_corrected_account"
    text = "You corrected the bank account of this application. Another officer must approve it."
    text_id = "Anda telah memperbaiki rekening pada pendaftaran ini. Harus disetujui petugas lain."


class Form(Protocol):
    """What the rules about a form ask; None: not known, because it is missing or unreadable."""

    @property
    def nik(self) -> str | None: ...
    @property
    def birth_date(self) -> date | None: ...


def find_problems(form: Form, *, on: date) -> list[NikInvalid]:
    """Return what is wrong with a form that needs nothing but the form and the day."""
    try:
        if form.nik is not None:
            read_nik(form.nik, birth_date=form.birth_date, on=on)
    except NikInvalid as error:
        return [error]
    return []


def read_nik(text: str, *, birth_date: date | None, on: date) -> Nik:
    """Read a NIK beside the stated birth date, if there is one. Raises: NikInvalid."""
    return parse_nik(text, today=on, stated_birth_date=birth_date, known_region=is_known_region)


def may_name(reader_account_id: UUID, applicant_account_id: UUID) -> bool:
    """Tell whether a reader sees the names of an application whole: applicants see their own.

    Officers read the names of others as part of the identity.
    """
    return reader_account_id == applicant_account_id


def check_approver(by: UUID, *, account_corrected_by: UUID | None) -> None:
    """Check that nobody approves a bank account of their own making.

    Raises: ApproverCorrectedAccount.
    """
    if by == account_corrected_by:
        raise ApproverCorrectedAccount


def check_phone(amr: Collection[str], device_id: str | None) -> None:
    """Check that a token proves a phone by one-time code and a registered device.

    Raises: PhoneProofRequired.
    """
    if OTP not in amr or not device_id:
        raise PhoneProofRequired


def check_next(status: ApplicationStatus, to: ApplicationStatus) -> None:
    """Check that an application can go from `status` to `to`.

    Raises: ApplicationStatusConflict.
    """
    if to not in NEXT[status]:
        raise ApplicationStatusConflict(status=status.value, to=to.value)


def check_live(status: ApplicationStatus) -> None:
    """Check that an application has not ended. Raises: ApplicationStatusConflict."""
    if status in ENDED:
        raise ApplicationStatusConflict(status=status.value)


def find_status_after_verification(
    status: ApplicationStatus, *, any_unmet: bool, all_met: bool
) -> ApplicationStatus:
    """Return the status after a verification of the requirements before the training.

    An unmet requirement makes the documents incomplete. A missing answer keeps the status. After
    the training a verification does not change the status; the approval checks the findings.
    """
    if status not in {_S.APPLIED, _S.DOCS_INCOMPLETE, _S.VERIFIED}:
        return status
    if any_unmet:
        return _S.DOCS_INCOMPLETE
    return _S.VERIFIED if all_met else status
