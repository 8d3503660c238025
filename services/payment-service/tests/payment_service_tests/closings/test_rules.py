import pytest

from payment_service.closings.rules import (
    ClosingDecided,
    ClosingStatus,
    ClosingVerdict,
    OwnClosing,
    check_decision,
)

CONFIRMED, REJECTED = ClosingVerdict.CONFIRMED, ClosingVerdict.REJECTED


def test_another_person_may_confirm_or_reject_a_proposal() -> None:
    for verdict in ClosingVerdict:
        check_decision(ClosingStatus.PROPOSED, verdict=verdict, is_own=False)


def test_ones_own_proposal_may_only_be_rejected() -> None:
    check_decision(ClosingStatus.PROPOSED, verdict=REJECTED, is_own=True)

    with pytest.raises(OwnClosing):
        check_decision(ClosingStatus.PROPOSED, verdict=CONFIRMED, is_own=True)


def test_a_confirmed_closing_may_be_rejected_as_long_as_it_has_not_begun() -> None:
    for is_own in (True, False):
        check_decision(ClosingStatus.CONFIRMED, verdict=REJECTED, is_own=is_own)

    with pytest.raises(ClosingDecided) as refused:
        check_decision(ClosingStatus.CONFIRMED, verdict=CONFIRMED, is_own=False)
    assert refused.value.details == {"status": "confirmed"}


@pytest.mark.parametrize(
    "status", [ClosingStatus.REJECTED, ClosingStatus.RUNNING, ClosingStatus.DONE]
)
@pytest.mark.parametrize("verdict", ClosingVerdict)
def test_what_has_begun_or_was_rejected_stays_so(
    status: ClosingStatus, verdict: ClosingVerdict
) -> None:
    with pytest.raises(ClosingDecided):
        check_decision(status, verdict=verdict, is_own=False)
