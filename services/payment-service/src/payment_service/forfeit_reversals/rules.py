"""When a forfeit may be taken back, and by whom.

Source: docs/commissions.md, Incentives that are held. No source of the programme says who may undo
a forfeit, so this is our own choice: two people, with a reason.
"""

from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound


class ReversalStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class ReversalVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class ForfeitReversalNotFound(NotFound):
    code = "forfeit_reversal_not_found"
    text = "There is no such proposal to take back the forfeit of this hold."
    text_id = "Usulan pembatalan hangus untuk penahanan ini tidak ditemukan."


class ForfeitReversalOpen(Conflict):
    code = "forfeit_reversal_open"
    text = "There is an open proposal to take this forfeit back. It must be decided first."
    text_id = "Masih ada usulan pembatalan hangus yang belum diputuskan. Putuskan dahulu."


class ForfeitReversalDecided(Conflict):
    code = "forfeit_reversal_decided"
    text = "This proposal has been decided."
    text_id = "Usulan ini sudah diputuskan."


class OwnForfeitReversal(Forbidden):
    code = "own_forfeit_reversal"
    text = "You cannot approve your own proposal. Another person must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan orang lain."


class ForfeitPaidOtherwise(Conflict):
    code = "forfeit_paid_otherwise"
    text = "The forfeited amount was paid in another way. Reversing the forfeit would pay it twice."
    text_id = (
        "Insentif yang hangus sudah dibayar dengan cara lain. Jika dibatalkan, insentif ini "
        "dibayar dua kali."
    )


def check_unpaid(*, is_paid_otherwise: bool) -> None:
    """Refuse to owe again what somebody paid outside of this system.

    Raises: ForfeitPaidOtherwise.
    """
    if is_paid_otherwise:
        raise ForfeitPaidOtherwise


def check_decision(status: ReversalStatus, *, verdict: ReversalVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to approve one's own; one's own may be rejected.

    Raises: ForfeitReversalDecided, OwnForfeitReversal.
    """
    if status is not ReversalStatus.PROPOSED:
        raise ForfeitReversalDecided
    if is_own and verdict is ReversalVerdict.APPROVED:
        raise OwnForfeitReversal
