"""Rules for declarations of work."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from perisai_kit.domain.errors import Conflict, Invalid

EASTERNMOST = ZoneInfo("Asia/Jayapura")
"""Where in Indonesia a day begins first."""
CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead a telephone's clock may run before its dates are refused. Our own choice."""


class NotWorking(Invalid):
    code = "not_working"
    text = "Only a person who is working can be registered."
    text_id = "Hanya orang yang sedang bekerja yang dapat didaftarkan."


class DeclaredInFuture(Invalid):
    code = "declared_in_future"
    text = "The time of the declaration is in the future. Check the clock of your device."
    text_id = "Waktu pernyataan belum terjadi. Periksa jam pada perangkat Anda."


class DeclarationIdTaken(Conflict):
    code = "declaration_id_taken"
    text = "Another declaration has this id. Create a new id."
    text_id = "ID ini sudah dipakai pernyataan lain. Buat ID baru."


FOR_TIME = frozenset({DeclaredInFuture.code})
"""A row refused only for one of these can be accepted later."""


def find_latest_day(now: datetime) -> date:
    """Return the latest civil day in Indonesia now, the last possible day of a declaration."""
    return (now + CLOCK_SKEW).astimezone(EASTERNMOST).date()


def find_work_problems(
    *, working: bool, declared_on: date, now: datetime, within: str = ""
) -> list[Invalid]:
    """Return what is wrong with a working-status declaration.

    within: the field that holds it, followed by a dot.
    Source: docs/domain.md, Who may join (working at registration, and when registering anew).
    """
    found: list[Invalid] = []
    if not working:
        found.append(NotWorking(field=f"{within}working"))
    if declared_on > find_latest_day(now):
        found.append(DeclaredInFuture(field=f"{within}declared_on"))
    return found
