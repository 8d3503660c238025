"""What may be decided on a hold, and what of a statement may be paid."""

import pytest

from payment_service.incentive_holds.rules import (
    HoldProposalDecided,
    HoldProposalStatus,
    HoldProposalVerdict,
    HoldReason,
    HoldStatus,
    IncentiveHoldChanged,
    IncentiveHoldDecided,
    OwnHoldProposal,
    check_decision,
    check_open,
    check_same,
    find_payable_now,
)
from perisai_kit.domain.at_work import DISMISSED_FOR_CAUSE

APPROVED, REJECTED = HoldProposalVerdict.APPROVED, HoldProposalVerdict.REJECTED


@pytest.mark.parametrize(
    ("status", "payable"),
    [
        (None, 5_520),
        (HoldStatus.OPEN, 0),
        (HoldStatus.RELEASED, 5_520),
        (HoldStatus.FORFEITED, 0),
    ],
)
def test_what_is_held_or_forfeited_may_not_be_paid(status: HoldStatus | None, payable: int) -> None:
    assert find_payable_now(5_520, status, False) == payable
    assert find_payable_now(5_520, status, True) == 0


def test_one_s_own_proposal_may_be_rejected_and_not_approved() -> None:
    check_decision(HoldProposalStatus.PROPOSED, verdict=REJECTED, is_own=True)
    check_decision(HoldProposalStatus.PROPOSED, verdict=APPROVED, is_own=False)
    with pytest.raises(OwnHoldProposal):
        check_decision(HoldProposalStatus.PROPOSED, verdict=APPROVED, is_own=True)


@pytest.mark.parametrize("status", [HoldProposalStatus.APPROVED, HoldProposalStatus.REJECTED])
def test_a_proposal_is_decided_once(status: HoldProposalStatus) -> None:
    with pytest.raises(HoldProposalDecided):
        check_decision(status, verdict=REJECTED, is_own=False)


@pytest.mark.parametrize("status", [HoldStatus.RELEASED, HoldStatus.FORFEITED])
def test_a_hold_is_decided_once(status: HoldStatus) -> None:
    check_open(HoldStatus.OPEN)
    with pytest.raises(IncentiveHoldDecided):
        check_open(status)


def test_only_the_sum_that_was_proposed_is_decided() -> None:
    check_same(proposed=5_520, amount=5_520)
    with pytest.raises(IncentiveHoldChanged):
        check_same(proposed=5_520, amount=11_040)


def test_every_dismissal_for_cause_is_a_reason_to_hold() -> None:
    assert {HoldReason(reason) for reason in DISMISSED_FOR_CAUSE} == {
        HoldReason.FRAUD,
        HoldReason.CRIME,
        HoldReason.GRATIFICATION,
    }
