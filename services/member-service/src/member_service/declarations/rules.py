"""Rules for declarations of work."""

from datetime import date, datetime
from typing import Protocol

from perisai_kit.domain.errors import Conflict, Invalid
from perisai_kit.domain.jakarta import find_latest_day


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


class Stated(Protocol):
    """A working-status declaration; None: not known, because it is missing or unreadable."""

    @property
    def working(self) -> bool | None: ...
    @property
    def declared_on(self) -> date | None: ...


FOR_TIME = frozenset({DeclaredInFuture.code})
"""A row refused only for one of these can be accepted later."""


def find_work_problems(
    *, working: bool | None, declared_on: date | None, now: datetime, within: str = ""
) -> list[Invalid]:
    """Return what is wrong with a working-status declaration.

    None: not known, and no problem. within: the field that holds it, followed by a dot.
    Source: docs/domain.md, Who may join (working at registration, and when registering anew).
    """
    found: list[Invalid] = []
    if working is False:
        found.append(NotWorking(field=f"{within}working"))
    if declared_on is not None and declared_on > find_latest_day(now):
        found.append(DeclaredInFuture(field=f"{within}declared_on"))
    return found
