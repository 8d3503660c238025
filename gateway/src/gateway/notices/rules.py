"""The notices to owners of accounts, their texts, and the retries of sending."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.money import write_rupiah
from perisai_kit.domain.month import Month, write_month

MAX_ATTEMPTS = 12
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
"""The pause doubles up to the longest; twelve attempts take about two days. Our own choice."""
OUTBOX_KEPT = timedelta(hours=1)


class NoticeTemplate(StrEnum):
    """The kinds of notices. The webhook's adapter has the text of each for its provider."""

    ACCOUNT_CREATED = "account_created"
    ACCOUNT_ROLES_CHANGED = "account_roles_changed"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCOUNT_PASSWORD_RESET = "account_password_reset"
    ACCOUNT_TOTP_RESET = "account_totp_reset"
    ACCOUNT_PHONE_CHANGED = "account_phone_changed"
    ACCOUNT_EMAIL_CHANGED = "account_email_changed"
    MEMBER_PHONE_CHANGING = "member_phone_changing"
    INCENTIVE_STATED = "incentive_stated"
    INCENTIVE_HELD = "incentive_held"
    INCENTIVE_NONE = "incentive_none"
    INCENTIVE_OFFSET = "incentive_offset"
    """The month makes up for a debt of earlier months, and leaves nothing to pay."""
    INCENTIVE_DEBT = "incentive_debt"
    """More was taken back than earned; the debt is carried over."""
    INCENTIVE_PAID = "incentive_paid"
    INCENTIVE_RETURNED = "incentive_returned"
    INCENTIVE_PAID_TO_WADAH = "incentive_paid_to_wadah"
    """To an agent whose wadah is paid for them; they say in the app whether they received it."""
    INCENTIVE_TO_WADAH_RETURNED = "incentive_to_wadah_returned"


class Fact(StrEnum):
    """What an incentive notice is about: there is one for each fact and account."""

    STATEMENT_ISSUED = "statement_issued"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    PAYOUT_PAID_FOR_AGENT = "payout_paid_for_agent"
    """Not `payout_paid`: an administrator of the wadah may be an agent, and gets both."""
    PAYOUT_RETURNED_FOR_AGENT = "payout_returned_for_agent"


TEXTS: dict[NoticeTemplate, tuple[str, str]] = {
    NoticeTemplate.ACCOUNT_CREATED: (
        "An administrator created this account.",
        "Administrator membuat akun ini.",
    ),
    NoticeTemplate.ACCOUNT_ROLES_CHANGED: (
        "An administrator changed the roles or the scope of your account.",
        "Administrator mengubah peran atau cakupan akun Anda.",
    ),
    NoticeTemplate.ACCOUNT_LOCKED: (
        "An administrator locked your account.",
        "Administrator mengunci akun Anda.",
    ),
    NoticeTemplate.ACCOUNT_UNLOCKED: (
        "An administrator unlocked your account.",
        "Administrator membuka kembali akun Anda.",
    ),
    NoticeTemplate.ACCOUNT_PASSWORD_RESET: (
        "An administrator replaced the password of your account. If you did not ask for it, "
        "report it.",
        "Administrator mengganti kata sandi akun Anda. Jika Anda tidak memintanya, laporkan.",
    ),
    NoticeTemplate.ACCOUNT_TOTP_RESET: (
        "An administrator removed the authenticator app of your account. If you did not ask for "
        "it, report it.",
        "Administrator menghapus aplikasi autentikator akun Anda. Jika Anda tidak memintanya, "
        "laporkan.",
    ),
    NoticeTemplate.ACCOUNT_PHONE_CHANGED: (
        "Your account was moved to another telephone number. If you did not ask for it, report it.",
        "Akun Anda dipindahkan ke nomor telepon lain. Jika Anda tidak memintanya, laporkan.",
    ),
    NoticeTemplate.ACCOUNT_EMAIL_CHANGED: (
        "An administrator changed the e-mail address for notices to your account. If you did not "
        "ask for it, report it.",
        "Administrator mengganti alamat email pemberitahuan akun Anda. Jika Anda tidak "
        "memintanya, laporkan.",
    ),
    NoticeTemplate.MEMBER_PHONE_CHANGING: (
        "The branch will soon change the telephone number of your membership. If you did not ask "
        "for it, report it to the branch at once.",
        "Kantor cabang akan segera mengganti nomor telepon kepesertaan Anda. Jika Anda tidak "
        "memintanya, segera laporkan ke kantor cabang.",
    ),
    NoticeTemplate.INCENTIVE_STATED: (
        "Incentive for {month}: {amount} before tax. A notice follows when it is paid. See "
        "the app for details.",
        "Insentif {month}: {amount} sebelum pajak. Anda akan dikabari saat sudah ditransfer. "
        "Rincian ada di aplikasi.",
    ),
    NoticeTemplate.INCENTIVE_HELD: (
        "Incentive for {month}: {amount} before tax. It is held until it is decided on. Ask the "
        "branch.",
        "Insentif {month}: {amount} sebelum pajak, masih ditahan sampai ada keputusan. Tanyakan "
        "ke kantor cabang.",
    ),
    NoticeTemplate.INCENTIVE_NONE: (
        "There is no incentive to pay for {month}. See the app for details.",
        "Tidak ada insentif yang dibayarkan untuk {month}. Rincian ada di aplikasi.",
    ),
    NoticeTemplate.INCENTIVE_OFFSET: (
        "The incentive for {month}, {amount}, makes up for earlier months, so nothing is paid. "
        "See the app for details.",
        "Insentif {month}, {amount}, menutup kekurangan bulan sebelumnya, jadi tidak ada yang "
        "ditransfer. Rincian ada di aplikasi.",
    ),
    NoticeTemplate.INCENTIVE_DEBT: (
        "More incentive was taken back than earned for {month}: {amount}. It is deducted from the "
        "next months.",
        "Insentif {month} kurang {amount} karena ada yang ditarik kembali. Kekurangan dipotong "
        "dari bulan berikutnya.",
    ),
    NoticeTemplate.INCENTIVE_PAID: (
        "Incentive up to {month} was paid to the registered bank account: {amount} after tax.",
        "Insentif sampai {month} sudah ditransfer ke rekening bank terdaftar: {amount} setelah "
        "pajak.",
    ),
    NoticeTemplate.INCENTIVE_RETURNED: (
        "The bank returned the incentive up to {month}, {amount}. Check your bank account in the "
        "app or ask the branch.",
        "Bank mengembalikan insentif sampai {month}, {amount}. Periksa rekening bank Anda di "
        "aplikasi atau tanyakan ke kantor cabang.",
    ),
    NoticeTemplate.INCENTIVE_PAID_TO_WADAH: (
        "Your wadah was paid your incentive up to {month}: {amount} after tax. Please say in the "
        "app whether you received it.",
        "Insentif Anda sampai {month}, {amount} setelah pajak, sudah ditransfer ke wadah Anda. "
        "Mohon jawab di aplikasi: sudah Anda terima atau belum?",
    ),
    NoticeTemplate.INCENTIVE_TO_WADAH_RETURNED: (
        "The bank returned the incentive up to {month}, {amount}, that was paid to your wadah for "
        "you. Ask your wadah or the branch.",
        "Bank mengembalikan insentif Anda sampai {month}, {amount}, yang ditransfer ke wadah Anda. "
        "Silakan tanyakan ke wadah atau kantor cabang.",
    ),
}
"""English and Indonesian, for SMS too: short, without a name or the number of an account."""
SUBJECTS = ("Perisai: a notice about your account", "Perisai: pemberitahuan untuk akun Anda")
INCENTIVE_SUBJECTS = ("Perisai: incentive of {month}", "Perisai: insentif {month}")
"""Of e-mails; without the amount."""


@dataclass(frozen=True, slots=True)
class About:
    """What an incentive notice is about. amount: rupiah that the text names, >= 0."""

    cause_id: uuid.UUID
    fact: Fact
    template: NoticeTemplate
    month: Month
    amount: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of Jakarta in which incentive notices wait, such as 21 to 6."""

    begin: int
    end: int

    def has(self, now: datetime) -> bool:
        """Tell whether an instant lies in them."""
        hour = now.astimezone(JAKARTA).hour
        if self.begin <= self.end:
            return self.begin <= hour < self.end
        return hour >= self.begin or hour < self.end


def retry_at(now: datetime, attempts: int) -> datetime:
    """Return when to send again. attempts: so far, at least 1."""
    doubled: int = 2 ** min(attempts - 1, 30)
    return now + min(FIRST_RETRY * doubled, LONGEST_RETRY)


def get_text(
    template: str, language: str, *, month: Month | None = None, amount: int | None = None
) -> str:
    """Return the text of a notice.

    language: `id` or `en`. month, amount in rupiah: of an incentive notice.
    """
    return _fill(TEXTS[NoticeTemplate(template)], language, month, amount)


def get_subject(language: str, *, month: Month | None = None) -> str:
    """Return the subject of an e-mail. language, month: as for `get_text`."""
    return _fill(SUBJECTS if month is None else INCENTIVE_SUBJECTS, language, month, None)


def _fill(texts: tuple[str, str], language: str, month: Month | None, amount: int | None) -> str:
    english, indonesian = texts
    return (indonesian if language == "id" else english).format(
        month="" if month is None else write_month(month, language),
        amount="" if amount is None else write_rupiah(amount, language),
    )
