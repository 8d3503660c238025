"""Rules of one-time codes."""

from datetime import datetime, timedelta

from perisai_kit.domain.errors import Unauthenticated

CODE_DIGITS = 6
CODES_KEPT = timedelta(hours=1)
"""After their end; in the outbox, after they were stored."""


class CodeWrong(Unauthenticated):
    """The same answer for a wrong, used, expired or unknown code."""

    code = "otp_invalid"
    text = "The code is wrong or has expired. Request a new code."
    text_id = "Kode salah atau sudah kedaluwarsa. Minta kode baru."


def is_usable(
    *,
    expires_at: datetime,
    consumed_at: datetime | None,
    attempts: int,
    max_attempts: int,
    now: datetime,
) -> bool:
    """Tell whether a code may still be tried."""
    return consumed_at is None and now < expires_at and attempts < max_attempts
