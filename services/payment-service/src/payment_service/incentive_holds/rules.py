"""What is held of stated incentives, and how two people decide on it.

Source: docs/commissions.md, Incentives that are held.
"""

from collections.abc import Sequence
from enum import StrEnum

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound


class HoldKind(StrEnum):
    """cause: the agent was dismissed for cause. wadah: the wadah may not be paid."""

    CAUSE = "cause"
    WADAH = "wadah"


class HoldReason(StrEnum):
    FRAUD = "fraud"
    CRIME = "crime"
    GRATIFICATION = "gratification"
    WADAH_TERMINATED = "wadah_terminated"
    AGREEMENT_ENDED = "agreement_ended"


class HoldStatus(StrEnum):
    OPEN = "open"
    RELEASED = "released"
    FORFEITED = "forfeited"


class HoldVerdict(StrEnum):
    """What is proposed for all that a hold holds."""

    RELEASE = "release"
    FORFEIT = "forfeit"


class HoldProposalStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class HoldProposalVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


OUTCOMES = {HoldVerdict.RELEASE: HoldStatus.RELEASED, HoldVerdict.FORFEIT: HoldStatus.FORFEITED}
"""What a hold becomes when a proposal is approved."""


class IncentiveHoldNotFound(NotFound):
    code = "incentive_hold_not_found"
    text = "There is no such hold, or you may not see it."
    text_id = "Penahanan insentif ini tidak ditemukan, atau Anda tidak berwenang melihatnya."


class IncentiveHoldDecided(Conflict):
    """`details`: `status`."""

    code = "incentive_hold_decided"
    text = "This hold has been decided."
    text_id = "Penahanan insentif ini sudah diputuskan."


class IncentiveHoldNotForfeited(Conflict):
    """`details`: `status`."""

    code = "incentive_hold_not_forfeited"
    text = "This hold was not forfeited, so there is nothing to take back."
    text_id = "Penahanan ini tidak dihanguskan, jadi tidak ada yang perlu dibatalkan."


class HoldProposalNotFound(NotFound):
    code = "hold_proposal_not_found"
    text = "There is no such proposal for this hold."
    text_id = "Usulan untuk penahanan insentif ini tidak ditemukan."


class HoldProposalDecided(Conflict):
    code = "hold_proposal_decided"
    text = "This proposal has been decided."
    text_id = "Usulan ini sudah diputuskan."


class HoldProposalOpen(Conflict):
    code = "hold_proposal_open"
    text = "There is an open proposal for this hold. It must be decided first."
    text_id = "Masih ada usulan untuk penahanan ini yang belum diputuskan."


class OwnHoldProposal(Forbidden):
    code = "own_hold_proposal"
    text = "You cannot approve your own proposal. Another person must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan orang lain."


class IncentiveHoldChanged(Conflict):
    """`details`: `proposed` and `amount`, what was held then and is held now, in rupiah."""

    code = "incentive_hold_changed"
    text = "More is held than when this was proposed. Reject it and propose it anew."
    text_id = "Jumlah yang ditahan sudah berubah sejak diusulkan. Tolak lalu usulkan lagi."


def check_open(status: HoldStatus) -> None:
    """Refuse to decide twice. Raises: IncentiveHoldDecided."""
    if status is not HoldStatus.OPEN:
        raise IncentiveHoldDecided(status=status)


def check_forfeited(status: HoldStatus) -> None:
    """Refuse to take back what was not forfeited. Raises: IncentiveHoldNotForfeited."""
    if status is not HoldStatus.FORFEITED:
        raise IncentiveHoldNotForfeited(status=status)


def check_decision(
    status: HoldProposalStatus, *, verdict: HoldProposalVerdict, is_own: bool
) -> None:
    """Refuse to decide twice, or to approve one's own; one's own may be rejected.

    Raises: HoldProposalDecided, OwnHoldProposal.
    """
    if status is not HoldProposalStatus.PROPOSED:
        raise HoldProposalDecided
    if is_own and verdict is HoldProposalVerdict.APPROVED:
        raise OwnHoldProposal


def check_same(*, proposed: int, amount: int) -> None:
    """Refuse to approve another sum than was proposed, in rupiah. Raises: IncentiveHoldChanged."""
    if proposed != amount:
        raise IncentiveHoldChanged(proposed=proposed, amount=amount)


def find_payable_now(payable: int, status: HoldStatus | None, is_live: bool) -> int:
    """Return what of a statement may be paid, in rupiah.

    status: of its last hold, if any. is_live: whether it is in a payout, or was paid.
    """
    return payable if status in {None, HoldStatus.RELEASED} and not is_live else 0


def set_off(amounts: Sequence[int], debt: int) -> list[int]:
    """Return what of each amount makes up for a debt: of the first ones first, in rupiah."""
    deducted = []
    for amount in amounts:
        deducted.append(min(amount, debt))
        debt -= deducted[-1]
    return deducted
