"""What is known of a holder for tax: an NPWP, and whether the NIK serves as one.

Source: docs/domain.md, Tax.
"""

from enum import StrEnum

from agent_service.holders.rules import HolderKind
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.nik import NikStatus

NPWP_LENGTHS = (15, 16)
"""The older number, and the one of 16 digits that has replaced it."""
_SEPARATORS = str.maketrans("", "", ".- ")


class TaxIdentityStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class TaxIdentityVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class TaxIdentityNotFound(NotFound):
    code = "tax_identity_not_found"
    text = "There is no such tax identity, or you may not see it."
    text_id = "Identitas pajak tidak ditemukan, atau Anda tidak berwenang melihatnya."


class TaxIdentityProposalOpen(Conflict):
    code = "tax_identity_proposal_open"
    text = "There is an open proposal for another tax identity. It must be decided first."
    text_id = "Masih ada usulan perubahan identitas pajak yang belum diputuskan."


class TaxIdentityDecided(Conflict):
    """`details` holds `status`."""

    code = "tax_identity_decided"
    text = "This tax identity has been decided. Propose another one."
    text_id = "Identitas pajak ini sudah diputuskan. Usulkan yang lain."


class OwnTaxIdentityProposal(Forbidden):
    code = "own_tax_identity_proposal"
    text = "You cannot approve your own proposal. Another officer must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan petugas lain."


class NikStatusMisplaced(Invalid):
    code = "nik_status_misplaced"
    text = "A wadah has no NIK. Leave nik_status out."
    text_id = "Wadah tidak memiliki NIK. Kosongkan nik_status."


def parse_npwp(text: str) -> str | None:
    """Return the digits of an NPWP as people write it; None if it cannot be one."""
    digits = text.translate(_SEPARATORS)
    is_number = digits.isascii() and digits.isdigit() and digits.strip("0") != ""
    return digits if is_number and len(digits) in NPWP_LENGTHS else None


def find_nik_status(kind: HolderKind, stated: NikStatus | None) -> NikStatus | None:
    """Return the NIK status to store: of an agent unverified where none is stated.

    Raises: NikStatusMisplaced.
    """
    match kind:
        case HolderKind.AGENT:
            return stated or NikStatus.UNVERIFIED
        case HolderKind.WADAH:
            if stated is not None:
                raise NikStatusMisplaced(field="nik_status")
            return None


def check_decision(status: TaxIdentityStatus, *, verdict: TaxIdentityVerdict, is_own: bool) -> None:
    """Refuse a decision on a decided proposal, or an approval of one's own.

    Raises: TaxIdentityDecided, OwnTaxIdentityProposal.
    """
    if status is not TaxIdentityStatus.PROPOSED:
        raise TaxIdentityDecided(status=status.value)
    if is_own and verdict is TaxIdentityVerdict.APPROVED:
        raise OwnTaxIdentityProposal
