"""When the acquisition bonus of an agent's month is reviewed, and who decides on it.

Source: docs/commissions.md, Acquisition bonus under review.
"""

from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound
from perisai_kit.domain.month import Month


class BonusReviewStatus(StrEnum):
    """The bonus is held unless it is released."""

    OPEN = "open"
    REFUSAL_PROPOSED = "refusal_proposed"
    RELEASED = "released"
    REFUSED = "refused"


class BonusReviewStep(StrEnum):
    OPENED = "opened"
    REFUSAL_PROPOSED = "refusal_proposed"
    REFUSAL_REJECTED = "refusal_rejected"
    REFUSAL_CONFIRMED = "refusal_confirmed"
    RELEASED = "released"


class RefusalVerdict(StrEnum):
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


DECIDED = frozenset({BonusReviewStatus.RELEASED, BonusReviewStatus.REFUSED})


class BonusReviewNotFound(NotFound):
    code = "bonus_review_not_found"
    text = "There is no such review, or you may not see it."
    text_id = "Pemeriksaan bonus ini tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BonusReviewDecided(Conflict):
    """`details`: `status`."""

    code = "bonus_review_decided"
    text = "This review has been decided."
    text_id = "Pemeriksaan bonus ini sudah diputuskan."


class BonusUnderReview(Conflict):
    """`details`: `status` of the review there is."""

    code = "bonus_under_review"
    text = "The bonus of this month is under review, or it was refused."
    text_id = "Bonus bulan ini sedang diperiksa atau sudah ditolak."


class RefusalNotProposed(Conflict):
    code = "refusal_not_proposed"
    text = "Nobody has proposed to refuse this bonus."
    text_id = "Belum ada usulan untuk menolak bonus ini."


class RefusalProposed(Conflict):
    code = "refusal_proposed"
    text = "The refusal of this bonus has been proposed already. Another person must decide."
    text_id = "Penolakan bonus ini sudah diusulkan. Harus diputuskan orang lain."


class OwnRefusal(Forbidden):
    code = "own_refusal"
    text = (
        "You proposed to refuse this bonus. Another person must confirm the refusal, or release "
        "the bonus."
    )
    text_id = (
        "Anda yang mengusulkan penolakan bonus ini. Harus orang lain yang menyetujui penolakannya "
        "atau melepas bonusnya."
    )


def is_due(flagged: int, *, review_from: int, month: Month, closed_through: Month | None) -> bool:
    """Tell whether a review opens by itself: enough flagged acquisitions in an open month."""
    is_open = closed_through is None or month > closed_through
    return is_open and flagged >= review_from


def is_held(status: BonusReviewStatus | None) -> bool:
    """Tell whether a bonus is not booked. status: of the last review; None: there was none."""
    return status not in {None, BonusReviewStatus.RELEASED}


def check_undecided(status: BonusReviewStatus) -> None:
    """Refuse to decide twice. Raises: BonusReviewDecided."""
    if status in DECIDED:
        raise BonusReviewDecided(status=status)


def check_release(status: BonusReviewStatus, *, proposed_by: UUID | None, by: UUID) -> None:
    """Refuse to release against one's own proposal: a release moves money.

    Raises: BonusReviewDecided, OwnRefusal.
    """
    check_undecided(status)
    if status is BonusReviewStatus.REFUSAL_PROPOSED and proposed_by == by:
        raise OwnRefusal


def check_proposable(status: BonusReviewStatus) -> None:
    """Refuse a second proposal. Raises: BonusReviewDecided, RefusalProposed."""
    check_undecided(status)
    if status is BonusReviewStatus.REFUSAL_PROPOSED:
        raise RefusalProposed


def check_refusal(
    status: BonusReviewStatus, *, verdict: RefusalVerdict, proposed_by: UUID | None, by: UUID
) -> None:
    """Refuse to confirm one's own proposal, or none; one's own may be rejected.

    Raises: BonusReviewDecided, RefusalNotProposed, OwnRefusal.
    """
    check_undecided(status)
    if status is not BonusReviewStatus.REFUSAL_PROPOSED:
        raise RefusalNotProposed
    if verdict is RefusalVerdict.CONFIRMED and proposed_by == by:
        raise OwnRefusal
