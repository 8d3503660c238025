"""When a month may be closed. Source: docs/commissions.md."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.month import Month


class MonthStatus(StrEnum):
    """closing: nothing more is booked in it, and its statements are being issued."""

    OPEN = "open"
    CLOSING = "closing"
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


class MonthBeingClosed(Conflict):
    """`details`: `month`, whose statements must be complete first."""

    code = "month_being_closed"
    text = "An earlier month is still being closed. Try again in a few minutes."
    text_id = "Bulan sebelumnya masih dalam proses penutupan. Coba lagi beberapa menit kemudian."


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


def status_of(month: Month, *, closed_through: Month | None, closing: Month | None) -> MonthStatus:
    """Return whether a month is open. closing: the last closed one while it is not complete."""
    if month == closing:
        return MonthStatus.CLOSING
    is_closed = closed_through is not None and month <= closed_through
    return MonthStatus.CLOSED if is_closed else MonthStatus.OPEN


def check_open(month: Month, *, closed_through: Month | None, closing: Month | None) -> None:
    """Refuse a month that is closed, or any other while one is being closed.

    Raises: MonthClosedAlready, MonthBeingClosed.
    """
    if closed_through is not None and month <= closed_through:
        raise MonthClosedAlready(closed_through=str(closed_through))
    if closing is not None:
        raise MonthBeingClosed(month=str(closing))


def check_over(
    *,
    closable_from: datetime | None,
    now: datetime,
) -> None:
    """Refuse a month that is not over for long enough.

    closable_from: None while the month lasts.
    Raises: MonthNotOver.
    """
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


def check_counted(waits: Mapping[Month, int]) -> None:
    """Refuse while payments wait. waits: by month, up to the one to close.

    Raises: PaymentsWait.
    """
    if waits:
        raise PaymentsWait(payments={str(month): count for month, count in sorted(waits.items())})


def check_earlier(earlier: Sequence[Month]) -> None:
    """Refuse while earlier months are open. earlier: those with something earned.

    Raises: EarlierMonthOpen.
    """
    if earlier:
        raise EarlierMonthOpen(months=[str(month) for month in sorted(earlier)])
