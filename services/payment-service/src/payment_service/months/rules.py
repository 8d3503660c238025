"""When a month may be closed. Source: docs/money.md, Commissions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.month import Month


class MonthStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class MonthNotOver(Conflict):
    """`details`: `closable_from`, the first instant at which it can be closed."""

    code = "month_not_over"
    text = "This month cannot be closed yet. Try again after it has ended."
    text_id = "Bulan ini belum dapat ditutup. Coba lagi setelah bulan ini berakhir."


class MonthClosedAlready(Conflict):
    """`details`: `closed_through`, the last closed month."""

    code = "month_closed"
    text = "This month is closed. Later payments count for a later month."
    text_id = "Bulan ini sudah ditutup. Pembayaran berikutnya dihitung pada bulan setelahnya."


class EarlierMonthOpen(Conflict):
    """`details`: `months`, which must be closed first."""

    code = "earlier_month_open"
    text = "An earlier month with earnings is still open. Close that month first."
    text_id = "Masih ada bulan sebelumnya yang belum ditutup. Tutup bulan itu terlebih dahulu."


class EventsUnread(Conflict):
    """`details`: `needed`, and `subscriptions` with how far each has come."""

    code = "events_unread"
    text = "Not all events up to the end of the month have been processed yet. Try again later."
    text_id = "Belum semua event sampai akhir bulan ini diproses. Coba lagi nanti."


class EventsParked(Conflict):
    """`details`: `subscriptions` with how many events each could not handle."""

    code = "events_parked"
    text = "Some events could not be processed. Replay or dismiss them first."
    text_id = "Masih ada event yang gagal diproses. Proses ulang atau kesampingkan terlebih dahulu."


class PaymentsWait(Conflict):
    """`details`: `payments`, how many by month."""

    code = "payments_wait"
    text = "The commission of some payments is not computed yet. Try again later."
    text_id = "Insentif dari sebagian pembayaran belum selesai dihitung. Coba lagi nanti."


class Reader(Protocol):
    """How far a subscription has come."""

    @property
    def name(self) -> str: ...
    @property
    def caught_up_at(self) -> datetime | None: ...
    @property
    def unread(self) -> bool: ...
    @property
    def parked(self) -> int: ...


def check_over(
    month: Month,
    *,
    closed_through: Month | None,
    closable_from: datetime | None,
    now: datetime,
) -> None:
    """Refuse a month that is closed, or not over for long enough.

    closable_from: None while the month lasts.
    Raises: MonthClosedAlready, MonthNotOver.
    """
    if closed_through is not None and month <= closed_through:
        raise MonthClosedAlready(closed_through=str(closed_through))
    if closable_from is None:
        raise MonthNotOver
    if now < closable_from:
        raise MonthNotOver(closable_from=closable_from.isoformat())


def check_read(readers: Sequence[Reader], *, needed: datetime) -> None:
    """Refuse while anything up to an instant may not have been counted.

    Raises: EventsUnread, EventsParked.
    """
    unread = {
        each.name: each.caught_up_at.isoformat() if each.caught_up_at else None
        for each in readers
        if each.unread
    }
    if unread:
        raise EventsUnread(needed=needed.isoformat(), subscriptions=unread)
    parked = {each.name: each.parked for each in readers if each.parked}
    if parked:
        raise EventsParked(subscriptions=parked)


def check_nothing_open(waits: Mapping[Month, int], earlier: Sequence[Month]) -> None:
    """Refuse while payments wait or an earlier month is open.

    waits: by month, up to the one to close. earlier: months with something earned, not closed.
    Raises: PaymentsWait, EarlierMonthOpen.
    """
    if waits:
        raise PaymentsWait(payments={str(month): count for month, count in sorted(waits.items())})
    if earlier:
        raise EarlierMonthOpen(months=[str(month) for month in sorted(earlier)])
