"""When the credentials of a bank partner may be replaced, and by whom.

Source: docs/banks.md, Replacing key, secret and addresses. The standard does not say how a party
replaces its credentials; two valid at once, and two people, are our own choices.
"""

from datetime import datetime
from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound

MAX_OVERLAP_DAYS = 90
"""How long the previous credentials may stay valid. Ours: banks change systems within a quarter."""


class ChangeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class ChangeVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class CredentialsUnchanged(Invalid):
    code = "credentials_unchanged"
    text = (
        "This changes nothing. Enter a new key, a new secret or other addresses than those in use."
    )
    text_id = (
        "Tidak ada yang berubah. Isi kunci, kunci rahasia, atau alamat yang berbeda dari yang "
        "sekarang dipakai."
    )


class CredentialChangeNotFound(NotFound):
    code = "credential_change_not_found"
    text = "There is no such change of credentials at this bank partner."
    text_id = "Usulan penggantian kunci di bank mitra ini tidak ditemukan."


class CredentialChangeOpen(Conflict):
    code = "credential_change_open"
    text = "A change of credentials is waiting for a decision. It must be decided first."
    text_id = "Masih ada usulan penggantian kunci yang belum diputuskan. Putuskan dahulu."


class CredentialChangeDecided(Conflict):
    code = "credential_change_decided"
    text = "This change of credentials has been decided."
    text_id = "Usulan penggantian kunci ini sudah diputuskan."


class OwnCredentialChange(Forbidden):
    code = "own_credential_change"
    text = "You cannot approve your own proposal. Another person must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan orang lain."


class CredentialsOverlap(Conflict):
    code = "credentials_overlap"
    text = (
        "The credentials before the present ones are still valid. End them first, or wait for "
        "their end."
    )
    text_id = "Kunci sebelumnya masih berlaku. Akhiri dahulu, atau tunggu sampai habis berlaku."


class CredentialChangeEnded(Conflict):
    code = "credential_change_ended"
    text = "No previous credentials are valid because of this change."
    text_id = "Tidak ada kunci lama yang masih berlaku dari penggantian ini."


def check_decision(status: ChangeStatus, *, verdict: ChangeVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to approve one's own; one's own may be rejected.

    Raises: CredentialChangeDecided, OwnCredentialChange.
    """
    if status is not ChangeStatus.PROPOSED:
        raise CredentialChangeDecided
    if is_own and verdict is ChangeVerdict.APPROVED:
        raise OwnCredentialChange


def check_running(previous_until: datetime | None, *, now: datetime) -> None:
    """Refuse to end what is not valid any more. Raises: CredentialChangeEnded."""
    if previous_until is None or previous_until <= now:
        raise CredentialChangeEnded


def check_overlap(previous_until: datetime | None, *, now: datetime) -> None:
    """Refuse a third credential beside two that are valid. Raises: CredentialsOverlap."""
    if previous_until is not None and now < previous_until:
        raise CredentialsOverlap(until=previous_until.isoformat())
