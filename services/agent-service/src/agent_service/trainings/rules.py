"""Rules for trainings.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7).
"""

from datetime import date

from perisai_kit.domain.errors import Invalid


class NotYetHappened(Invalid):
    code = "not_yet_happened"
    text = "This date is in the future. Enter today or an earlier date."
    text_id = "Tanggal ini belum tiba. Isi tanggal hari ini atau sebelumnya."


def check_happened(day: date, *, today: date, field: str) -> None:
    """Check that a day is not in the future. Raises: NotYetHappened naming `field`."""
    if day > today:
        raise NotYetHappened(field=field)
