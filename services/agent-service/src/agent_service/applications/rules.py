"""What is true of an application: its states.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7) and Steps found in practice.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound

OTP = "otp"


class ApplicationState(StrEnum):
    APPLIED = "applied"
    DOCS_INCOMPLETE = "docs_incomplete"
    VERIFIED = "verified"
    TRAINING = "training"
    EXAM_PASSED = "exam_passed"
    EXAM_FAILED = "exam_failed"
    ACTIVE = "active"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_S = ApplicationState
ENDED = frozenset({_S.ACTIVE, _S.REJECTED, _S.WITHDRAWN})
LIVE = frozenset(ApplicationState) - ENDED
_OUT = frozenset({_S.REJECTED, _S.WITHDRAWN})
NEXT: Mapping[ApplicationState, frozenset[ApplicationState]] = {
    _S.APPLIED: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED}) | _OUT,
    _S.DOCS_INCOMPLETE: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED}) | _OUT,
    # Straight to active only where the settings ask for no training or no exam.
    _S.VERIFIED: frozenset({_S.DOCS_INCOMPLETE, _S.VERIFIED, _S.TRAINING, _S.ACTIVE}) | _OUT,
    _S.TRAINING: frozenset({_S.EXAM_PASSED, _S.EXAM_FAILED, _S.ACTIVE}) | _OUT,
    # A failed exam is taken again, after another training or without one.
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


class ApplicationStateConflict(Conflict):
    """`details` holds `state`, the present one, and `to`, the one that was asked for."""

    code = "application_state"
    text = "The status of the application does not allow this step. Read the application again."
    text_id = (
        "Status pendaftaran saat ini tidak memungkinkan langkah ini. Muat ulang data pendaftaran."
    )


def check_phone(amr: Collection[str], device_id: str | None) -> None:
    """Check that a token proves a phone by one-time code and a registered device.

    Raises: PhoneProofRequired.
    """
    if OTP not in amr or not device_id:
        raise PhoneProofRequired


def check_next(state: ApplicationState, to: ApplicationState) -> None:
    """Raises: ApplicationStateConflict when the application cannot go from `state` to `to`."""
    if to not in NEXT[state]:
        raise ApplicationStateConflict(state=state.value, to=to.value)


def check_live(state: ApplicationState) -> None:
    """Raises: ApplicationStateConflict when the application has ended."""
    if state in ENDED:
        raise ApplicationStateConflict(state=state.value)


def after_verification(
    state: ApplicationState, *, any_unmet: bool, all_met: bool
) -> ApplicationState:
    """Return the state after a verification of what comes before the training.

    Something unmet makes the documents incomplete, an unanswered question leaves the state as it
    was, and past the training a verification no longer moves the state: the approval looks at the
    findings.
    """
    if state not in {_S.APPLIED, _S.DOCS_INCOMPLETE, _S.VERIFIED}:
        return state
    if any_unmet:
        return _S.DOCS_INCOMPLETE
    return _S.VERIFIED if all_met else state
