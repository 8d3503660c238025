"""The notices to owners of accounts, and the retries of sending."""

from datetime import datetime, timedelta
from enum import StrEnum

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
    MEMBER_PHONE_CHANGING = "member_phone_changing"


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
    NoticeTemplate.MEMBER_PHONE_CHANGING: (
        "The branch will soon change the telephone number of your membership. If you did not ask "
        "for it, report it to the branch at once.",
        "Kantor cabang akan segera mengganti nomor telepon kepesertaan Anda. Jika Anda tidak "
        "memintanya, segera laporkan ke kantor cabang.",
    ),
}
"""English and Indonesian."""


def retry_at(now: datetime, attempts: int) -> datetime:
    """Return when to send again. attempts: so far, at least 1."""
    doubled: int = 2 ** min(attempts - 1, 30)
    return now + min(FIRST_RETRY * doubled, LONGEST_RETRY)


def get_text(template: str, language: str) -> str:
    """Return the text of a template. language: `id` or `en`."""
    english, indonesian = TEXTS[NoticeTemplate(template)]
    return indonesian if language == "id" else english
