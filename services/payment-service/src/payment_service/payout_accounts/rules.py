"""What is true of our own accounts, and of the stop of all payouts.

Source: docs/commissions.md, Payouts.
"""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from snap_bi.transfer_rules import InterbankRoute


class PayoutChannel(StrEnum):
    """snap: the bank's API. file: a file that an officer uploads at the bank."""

    SNAP = "snap"
    FILE = "file"


class PayoutAccountStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class StopStep(StrEnum):
    """One officer stops; to resume, one proposes and another confirms or rejects."""

    STOPPED = "stopped"
    RESUME_PROPOSED = "resume_proposed"
    RESUME_REJECTED = "resume_rejected"
    RESUMED = "resumed"


class ResumptionVerdict(StrEnum):
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class PayoutAccountNotFound(NotFound):
    code = "payout_account_not_found"
    text = "There is no such account of ours."
    text_id = "Rekening pembayar ini tidak ditemukan."


class PayoutAccountStatusConflict(Conflict):
    """`details`: `status`, what it is."""

    code = "payout_account_status"
    text = "The status of this account does not allow this."
    text_id = "Status rekening ini tidak memungkinkan tindakan ini."


class PayoutAccountActive(Conflict):
    code = "payout_account_active"
    text = "This account is active. Suspend it, change it, and ask another person to activate it."
    text_id = (
        "Rekening ini sedang aktif. Tangguhkan dahulu, ubah, lalu minta orang lain mengaktifkannya."
    )


class PayoutAccountNotActive(Conflict):
    code = "payout_account_not_active"
    text = "This account is not active, so nothing is paid from it."
    text_id = "Rekening ini tidak aktif, jadi tidak ada pembayaran dari rekening ini."


class OwnPayoutAccount(Forbidden):
    code = "own_payout_account"
    text = "You registered, changed or suspended this account. Ask another person to activate it."
    text_id = (
        "Anda yang mendaftarkan, mengubah, atau menangguhkan rekening ini. Minta orang lain "
        "mengaktifkannya."
    )


class PayoutChannelUnusable(Invalid):
    code = "payout_channel_unusable"
    text = "An account paid from by API needs a bank partner, and one paid from by file a format."
    text_id = (
        "Rekening dengan API memerlukan bank mitra, dan rekening dengan berkas memerlukan format."
    )


class PayoutCorporateIdRequired(Invalid):
    code = "payout_corporate_id_required"
    text = (
        "This bank identifies us by a corporate id, at BCA that of KlikBCA Bisnis. Enter the "
        "corporate id."
    )
    text_id = (
        "Bank ini mengenali kami dari ID korporasi, di BCA yaitu ID korporasi KlikBCA Bisnis. Isi "
        "ID korporasinya."
    )


class PayoutCorporateIdUnused(Invalid):
    code = "payout_corporate_id_unused"
    text = "Payouts from this account need no corporate id. Leave it out."
    text_id = "Pembayaran dari rekening ini tidak memerlukan ID korporasi. Kosongkan isian ini."


class PayoutRouteUnusable(Invalid):
    code = "payout_route_unusable"
    text = "The bank of this account offers no choice of the route. Leave it out."
    text_id = "Bank rekening ini tidak menyediakan pilihan jalur transfer. Kosongkan isian ini."


class PayoutLimitsUnusable(Invalid):
    code = "payout_limits_unusable"
    text = "The daily limit must be at least the limit of one transfer."
    text_id = "Batas harian tidak boleh lebih kecil dari batas satu transfer."


class PayoutsStopped(Conflict):
    code = "payouts_stopped"
    text = "All payouts are stopped. Two officers can resume them."
    text_id = "Semua pembayaran dihentikan. Dua petugas dapat melanjutkannya."


class PayoutsNotStopped(Conflict):
    code = "payouts_not_stopped"
    text = "Payouts are not stopped."
    text_id = "Pembayaran tidak sedang dihentikan."


class ResumptionProposed(Conflict):
    code = "payout_resumption_proposed"
    text = "Somebody has proposed to resume payouts. Decide on that proposal."
    text_id = "Sudah ada usulan untuk melanjutkan pembayaran. Putuskan usulan tersebut."


class NoResumptionProposed(Conflict):
    code = "payout_resumption_not_proposed"
    text = "Nobody has proposed to resume payouts."
    text_id = "Belum ada usulan untuk melanjutkan pembayaran."


class OwnResumption(Forbidden):
    code = "own_payout_resumption"
    text = "You cannot confirm your own proposal. Another person must decide."
    text_id = "Anda tidak dapat mengesahkan usulan sendiri. Harus diputuskan orang lain."


class PayoutStopChanged(Conflict):
    code = "payout_stop_changed"
    text = "Somebody has just stopped or resumed payouts. Look again before you decide."
    text_id = "Seseorang baru saja menghentikan atau melanjutkan pembayaran. Periksa lagi dahulu."


_NEXT: dict[PayoutAccountStatus, frozenset[PayoutAccountStatus]] = {
    PayoutAccountStatus.DRAFT: frozenset(
        {PayoutAccountStatus.ACTIVE, PayoutAccountStatus.SUSPENDED}
    ),
    PayoutAccountStatus.ACTIVE: frozenset({PayoutAccountStatus.SUSPENDED}),
    PayoutAccountStatus.SUSPENDED: frozenset({PayoutAccountStatus.ACTIVE}),
}
NOT_STOPPED = (None, StopStep.RESUMED)
"""The last step where payouts go on; None: nobody ever stopped them."""


def check_move(*, at: PayoutAccountStatus, to: PayoutAccountStatus) -> None:
    """Refuse what the status of an account does not allow. Raises: PayoutAccountStatusConflict."""
    if to not in _NEXT[at]:
        raise PayoutAccountStatusConflict(status=at.value)


def check_activation(at: PayoutAccountStatus, *, changed_by: Collection[UUID], by: UUID) -> None:
    """Refuse an activation by somebody whose own acts it would confirm.

    Raises: PayoutAccountStatusConflict, OwnPayoutAccount.
    """
    check_move(at=at, to=PayoutAccountStatus.ACTIVE)
    if by in changed_by:
        raise OwnPayoutAccount


def check_limits(*, daily_cap: int, transfer_max: int) -> None:
    """Refuse limits in rupiah that contradict each other. Raises: PayoutLimitsUnusable."""
    if daily_cap < transfer_max:
        raise PayoutLimitsUnusable(field="daily_cap")


def check_channel(
    channel: PayoutChannel, *, bank_partner_id: UUID | None, file_format: str | None
) -> None:
    """Refuse a channel without what it needs, or with what it has no use for.

    Raises: PayoutChannelUnusable.
    """
    needs_partner = channel is PayoutChannel.SNAP
    if needs_partner is (bank_partner_id is None):
        raise PayoutChannelUnusable(field="bank_partner_id")
    if needs_partner is (file_format is not None):
        raise PayoutChannelUnusable(field="file_format")


def check_corporate_id(corporate_id: str | None, *, is_needed: bool) -> None:
    """Refuse an account without the corporate id that its bank needs, or with one it never uses.

    Raises: PayoutCorporateIdRequired, PayoutCorporateIdUnused.
    Source: docs/snap.md 4.2, BCA specifics.
    """
    if is_needed and corporate_id is None:
        raise PayoutCorporateIdRequired(field="corporate_id")
    if not is_needed and corporate_id is not None:
        raise PayoutCorporateIdUnused(field="corporate_id")


def check_interbank_route(
    route: InterbankRoute | None, offered: Collection[InterbankRoute]
) -> None:
    """Refuse a route that the bank of an account does not offer. Raises: PayoutRouteUnusable.

    route: None: the default of the bank. Source: docs/snap.md 4.1.
    """
    if route is not None and route not in offered:
        raise PayoutRouteUnusable(field="interbank_route")


def check_resumable(last: StopStep | None) -> None:
    """Refuse to propose a resumption of what goes on, or while one is proposed.

    Raises: PayoutsNotStopped, ResumptionProposed.
    """
    if last in NOT_STOPPED:
        raise PayoutsNotStopped
    if last is StopStep.RESUME_PROPOSED:
        raise ResumptionProposed


def check_resumption(last: StopStep | None, *, verdict: ResumptionVerdict, is_own: bool) -> None:
    """Refuse to decide on what nobody proposed, or to confirm one's own proposal.

    Raises: NoResumptionProposed, OwnResumption.
    """
    if last is not StopStep.RESUME_PROPOSED:
        raise NoResumptionProposed
    if is_own and verdict is ResumptionVerdict.CONFIRMED:
        raise OwnResumption
