"""How many refused NIKs one account may learn about in a day.

The refusal tells that somebody has the NIK.
"""

from datetime import datetime

from perisai_kit.domain.errors import TooMany
from perisai_kit.privacy.day_limits import find_wait


class TooManyKnownNiks(TooMany):
    code = "too_many_known_niks"
    text = (
        "Too many people whom you entered today are registered already. Try again tomorrow, or ask "
        "the branch."
    )
    text_id = (
        "Terlalu banyak orang yang Anda daftarkan hari ini ternyata sudah terdaftar. Coba lagi "
        "besok, atau tanyakan ke kantor cabang."
    )


def check_limit(limiting_at: datetime | None, *, now: datetime) -> None:
    """Check that an account may register people. limiting_at: as in `find_wait`.

    Raises: TooManyKnownNiks.
    """
    wait_s = find_wait(limiting_at, now=now)
    if wait_s is not None:
        raise TooManyKnownNiks(retry_after_s=wait_s)
