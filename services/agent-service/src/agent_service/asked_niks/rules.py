"""How many different NIKs one account may name in applications, whatever became of them.

The answer to an application tells whether the person is an agent or applies elsewhere. The same NIK
counts once, so that a repeat, a correction or a second application costs nothing.
"""

from datetime import datetime

from perisai_kit.domain.errors import TooMany
from perisai_kit.privacy.day_limits import find_wait


class TooManyNiks(TooMany):
    code = "too_many_niks"
    text = (
        "You have applied with too many different NIKs today. Try again tomorrow, or ask an "
        "officer of the branch."
    )
    text_id = (
        "Anda sudah mendaftar dengan terlalu banyak NIK yang berbeda hari ini. Coba lagi besok, "
        "atau minta bantuan petugas cabang."
    )


def check_limit(limiting_at: datetime | None, *, now: datetime) -> None:
    """Check that an account may name another NIK. limiting_at: as in `find_wait`.

    Raises: TooManyNiks.
    """
    wait_s = find_wait(limiting_at, now=now)
    if wait_s is not None:
        raise TooManyNiks(retry_after_s=wait_s)
