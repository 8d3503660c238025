"""When a review opens by itself, and who may decide on it."""

import pytest

from payment_service.bonus_reviews.rules import (
    BonusReviewDecided,
    BonusReviewStatus,
    OwnRefusal,
    RefusalNotProposed,
    RefusalProposed,
    RefusalVerdict,
    check_proposable,
    check_refusal,
    check_release,
    check_undecided,
    is_due,
    is_held,
)
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

OCTOBER, NOVEMBER = Month(2025, 10), Month(2025, 11)
OPEN, PROPOSED = BonusReviewStatus.OPEN, BonusReviewStatus.REFUSAL_PROPOSED
RELEASED, REFUSED = BonusReviewStatus.RELEASED, BonusReviewStatus.REFUSED
CONFIRMED, REJECTED = RefusalVerdict.CONFIRMED, RefusalVerdict.REJECTED


@pytest.mark.parametrize(
    ("flagged", "closed_through", "due"),
    [
        (4, None, False),
        (5, None, True),
        (6, OCTOBER, True),
        (5, NOVEMBER, False),
        (9, Month(2025, 12), False),
    ],
)
def test_a_review_opens_from_the_threshold_on_while_the_month_is_open(
    flagged: int, closed_through: Month | None, due: bool
) -> None:
    assert is_due(flagged, review_from=5, month=NOVEMBER, closed_through=closed_through) is due


@pytest.mark.parametrize(
    ("status", "held"),
    [(None, False), (OPEN, True), (PROPOSED, True), (RELEASED, False), (REFUSED, True)],
)
def test_a_bonus_is_booked_without_a_review_or_once_released(
    status: BonusReviewStatus | None, held: bool
) -> None:
    assert is_held(status) is held


@pytest.mark.parametrize("status", [RELEASED, REFUSED])
def test_what_is_decided_stays_so(status: BonusReviewStatus) -> None:
    by = new_id()
    with pytest.raises(BonusReviewDecided):
        check_undecided(status)
    with pytest.raises(BonusReviewDecided):
        check_proposable(status)
    with pytest.raises(BonusReviewDecided):
        check_refusal(status, verdict=REJECTED, proposed_by=new_id(), by=by)


def test_a_refusal_is_proposed_once_at_a_time() -> None:
    check_proposable(OPEN)
    with pytest.raises(RefusalProposed):
        check_proposable(PROPOSED)


@pytest.mark.parametrize(
    ("status", "verdict", "own", "error"),
    [
        (PROPOSED, CONFIRMED, False, None),
        (PROPOSED, CONFIRMED, True, OwnRefusal),
        (PROPOSED, REJECTED, True, None),
        (OPEN, CONFIRMED, False, RefusalNotProposed),
    ],
)
def test_another_person_confirms_a_refusal(
    status: BonusReviewStatus, verdict: RefusalVerdict, own: bool, error: type[DomainError] | None
) -> None:
    by = new_id()
    proposed_by = by if own else new_id()
    if error is None:
        check_refusal(status, verdict=verdict, proposed_by=proposed_by, by=by)
    else:
        with pytest.raises(error):
            check_refusal(status, verdict=verdict, proposed_by=proposed_by, by=by)


def test_the_proposer_of_a_refusal_releases_nothing_while_it_stands() -> None:
    proposer, other = new_id(), new_id()

    with pytest.raises(OwnRefusal):
        check_release(PROPOSED, proposed_by=proposer, by=proposer)
    check_release(PROPOSED, proposed_by=proposer, by=other)
    check_release(OPEN, proposed_by=proposer, by=proposer)
    check_release(OPEN, proposed_by=None, by=other)
