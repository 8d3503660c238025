"""Rules for reports that a membership ends."""

from datetime import date, datetime, timedelta

from member_service.registrations.rules import EndReason
from perisai_kit.domain.errors import Conflict, Invalid, NotFound
from perisai_kit.domain.jakarta import find_latest_day

LONGEST_NOTICE = timedelta(days=366)
"""How long before its day an ending can be reported. Our own choice."""


class EndingNotFound(NotFound):
    code = "ending_not_found"
    text = "This member has no such reported ending."
    text_id = "Peserta ini tidak memiliki laporan berakhir dengan ID tersebut."


class EndingIdTaken(Conflict):
    code = "ending_id_taken"
    text = "Another reported ending has this id. Create a new id."
    text_id = "ID ini sudah dipakai laporan berakhir lain. Buat ID baru."


class EndingAlreadyReported(Conflict):
    """A second report would outlive the withdrawal of the first."""

    code = "ending_already_reported"
    text = "This ending has been reported. Withdraw that report if it is wrong."
    text_id = "Tanggal berakhir ini sudah dilaporkan. Batalkan laporan itu jika keliru."


class EndingDayInvalid(Invalid):
    code = "ending_day_invalid"
    text = "A death cannot be in the future, and no other ending more than a year ahead."
    text_id = (
        "Tanggal kematian tidak boleh di masa depan, dan tanggal berakhir lainnya paling lama satu "
        "tahun ke depan."
    )


def find_day_problem(
    reason: EndReason | None, last_day: date | None, *, now: datetime
) -> EndingDayInvalid | None:
    """Return why a last day of membership cannot be known yet, or None.

    None: not known, and no problem.
    """
    today = find_latest_day(now)
    latest = today if reason is EndReason.DEATH else today + LONGEST_NOTICE
    if last_day is not None and last_day > latest:
        return EndingDayInvalid(field="last_day", latest=str(latest))
    return None
