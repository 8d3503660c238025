"""Changes of a member's sensitive facts: proposed, confirmed by the member or by two officers.

Source: docs/domain.md, Corrections. The member confirms with a code sent to the present telephone.
Otherwise two officers decide, each with evidence. A telephone then changes only after a delay,
which begins with a notice to the old number.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable

OFFICERS_NEEDED = 2


class CorrectionStatus(StrEnum):
    """`waiting`: approved by two officers; the telephone changes after the delay."""

    OPEN = "open"
    WAITING = "waiting"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"


UNDECIDED = frozenset({CorrectionStatus.OPEN, CorrectionStatus.WAITING})


class StepKind(StrEnum):
    """`confirmed`: by the member's code. `notified`: a notice went to the old number."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    CONFIRMED = "confirmed"
    NOTIFIED = "notified"
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"


class CorrectionNotFound(NotFound):
    code = "correction_not_found"
    text = "There is no such correction, or you may not see it."
    text_id = "Perbaikan data tidak ditemukan, atau Anda tidak berwenang melihatnya."


class CorrectionOpen(Conflict):
    """`details["correction_id"]` is the open one."""

    code = "correction_open"
    text = "Another correction of this member is still open. Confirm or reject it first."
    text_id = (
        "Masih ada perbaikan data peserta ini yang belum selesai. Setujui atau tolak terlebih "
        "dahulu."
    )


class CorrectionEnded(Conflict):
    """`details["status"]` is its final status."""

    code = "correction_ended"
    text = "This correction has ended. Propose a new one."
    text_id = "Perbaikan data ini sudah berakhir. Ajukan yang baru."


class CorrectionApproved(Conflict):
    code = "correction_approved"
    text = "Two officers have approved this correction already. It takes effect after the delay."
    text_id = (
        "Perbaikan data ini sudah disetujui dua petugas. Perubahan berlaku setelah masa tunggu."
    )


class CorrectionIdTaken(Conflict):
    code = "correction_id_taken"
    text = "Another correction has this id. Create a new id."
    text_id = "ID ini sudah dipakai perbaikan lain. Buat ID baru."


class CorrectionUnchanged(Invalid):
    code = "correction_unchanged"
    text = "The record already says this. Send at least one field with another value."
    text_id = "Data peserta sudah sesuai. Isi setidaknya satu data yang berbeda."


class EvidenceMissing(Invalid):
    code = "evidence_missing"
    text = "State what evidence you have seen, such as the identity card."
    text_id = "Tuliskan bukti yang Anda lihat, misalnya KTP."


class OwnRecord(Forbidden):
    code = "own_record"
    text = "You cannot decide about your own membership. Another officer must decide."
    text_id = "Anda tidak dapat memutuskan data kepesertaan sendiri. Harus diputuskan petugas lain."


class SecondOfficerRequired(Forbidden):
    code = "second_officer_required"
    text = "You have already decided about this correction. Another officer must decide."
    text_id = "Anda sudah memutuskan perbaikan ini. Harus diputuskan petugas lain."


class ConfirmationCodeWrong(Invalid):
    code = "confirmation_code_wrong"
    text = "The code is wrong or has expired. Request a new code."
    text_id = "Kode salah atau sudah kedaluwarsa. Minta kode baru."


class ConfirmationThrottled(TooMany):
    code = "confirmation_throttled"
    text = "Too many codes for this telephone number. Try again later, or ask the branch."
    text_id = (
        "Terlalu banyak kode untuk nomor ini. Coba lagi nanti, atau tanyakan ke kantor cabang."
    )


class CodeNotPossible(Conflict):
    code = "code_not_possible"
    text = (
        "The member's telephone number is that of an agent, so no code is sent to it. Ask the "
        "branch: two officers decide."
    )
    text_id = (
        "Nomor telepon peserta adalah nomor agen, jadi kode tidak dikirim. Tanyakan ke kantor "
        "cabang: diputuskan oleh dua petugas."
    )


class CodeUnsent(Unavailable):
    code = "confirmation_code_unsent"
    text = "The code could not be sent. Try again in a moment."
    text_id = "Kode gagal dikirim. Coba sebentar lagi."


def find_problems(
    refused: Sequence[Invalid], *, lacks_evidence: bool, changes_nothing: bool = False
) -> list[Invalid]:
    """Return all problems of a proposal. refused: those of the new values, each with its field."""
    for each in refused:
        each.field = f"changes.{each.field}"
    return [
        *([EvidenceMissing(field="evidence")] if lacks_evidence else []),
        *([CorrectionUnchanged(field="changes")] if changes_nothing else []),
        *refused,
    ]


def check_undecided(status: CorrectionStatus, *, expires_at: datetime, now: datetime) -> None:
    """Check that a correction is open or waiting. Raises: CorrectionEnded."""
    if status not in UNDECIDED or (status is CorrectionStatus.OPEN and now >= expires_at):
        ended = CorrectionStatus.EXPIRED if status is CorrectionStatus.OPEN else status
        raise CorrectionEnded(status=ended.value)


def check_officer(
    account_id: UUID, *, member_id: UUID, own_member_id: UUID | None, spoken: Collection[UUID]
) -> None:
    """Check that an officer may approve: not for their own membership, and not twice.

    spoken: the accounts that proposed or approved it. Raises: OwnRecord, SecondOfficerRequired.
    """
    if own_member_id == member_id:
        raise OwnRecord
    if account_id in spoken:
        raise SecondOfficerRequired


def is_approved(approvers: Collection[UUID]) -> bool:
    """Tell whether enough different officers have approved."""
    return len(set(approvers)) >= OFFICERS_NEEDED
