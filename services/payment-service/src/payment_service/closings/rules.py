"""Who may decide on the close of a month, and when.

Source: docs/commissions.md, Closing a month.
"""

from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound


class ClosingStatus(StrEnum):
    """confirmed: waits for the worker. running: the month is closed, its statements are issued."""

    PROPOSED = "proposed"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    DONE = "done"


class ClosingVerdict(StrEnum):
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class ClosingNotFound(NotFound):
    code = "month_closing_not_found"
    text = "Nobody has proposed to close this month."
    text_id = "Belum ada usulan penutupan untuk bulan ini."


class ClosingProposed(Conflict):
    code = "month_closing_proposed"
    text = "The closing of this month has been proposed. Decide on that proposal."
    text_id = "Penutupan bulan ini sudah diusulkan. Putuskan usulan tersebut."


class ClosingDecided(Conflict):
    """`details`: `status`, what it is now."""

    code = "month_closing_decided"
    text = "This closing has been decided."
    text_id = "Usulan penutupan ini sudah diputuskan."


class OwnClosing(Forbidden):
    code = "own_month_closing"
    text = "You cannot confirm your own proposal. Another person must decide."
    text_id = "Anda tidak dapat mengesahkan usulan sendiri. Harus diputuskan orang lain."


class BeneficiariesUnknown(Conflict):
    """`details`: `count` of those with lines, of whom no wadah and branch is known."""

    code = "beneficiaries_unknown"
    text = (
        "Some earnings have no known beneficiary yet, so the closing waits. Ask the operator to"
        " look at parked events of agent-service."
    )
    text_id = (
        "Ada insentif yang pemiliknya belum dikenal. Penutupan menunggu. Minta petugas sistem"
        " memeriksa data agen yang tertahan."
    )


def check_decision(status: ClosingStatus, *, verdict: ClosingVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to confirm one's own proposal; one's own may be rejected.

    A confirmed closing may be rejected as long as it has not begun.
    Raises: ClosingDecided, OwnClosing.
    """
    is_rejection = verdict is ClosingVerdict.REJECTED
    may_decide = status is ClosingStatus.PROPOSED or (
        is_rejection and status is ClosingStatus.CONFIRMED
    )
    if not may_decide:
        raise ClosingDecided(status=status.value)
    if is_own and not is_rejection:
        raise OwnClosing
