"""Rules for trainings.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7).
"""

from datetime import date, datetime

from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.jakarta import find_latest_day


class NotYetHappened(Invalid):
    code = "not_yet_happened"
    text = "This date is in the future. Enter today or an earlier date."
    text_id = "Tanggal ini belum tiba. Isi tanggal hari ini atau sebelumnya."


def check_happened(day: date, *, now: datetime, field: str) -> None:
    """Check that a day has come somewhere in Indonesia. Raises: NotYetHappened naming `field`."""
    if day > find_latest_day(now):
        raise NotYetHappened(field=field)
