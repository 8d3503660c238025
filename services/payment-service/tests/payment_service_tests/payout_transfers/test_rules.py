from itertools import product

import pytest

from payment_service.payout_transfers.rules import (
    IN_FLIGHT,
    SETTLED,
    TRANSITIONS,
    PayoutTransferStatusConflict,
    TransferStatus,
    check_transition,
    choose_service,
)

ALLOWED = {
    ("created", "sent"),
    ("created", "failed"),
    ("sent", "paid"),
    ("sent", "failed"),
    ("sent", "unknown"),
    ("sent", "returned"),
    ("unknown", "paid"),
    ("unknown", "failed"),
    ("unknown", "returned"),
    ("failed", "paid"),
    ("paid", "returned"),
}


@pytest.mark.parametrize(("at", "to"), list(product(TransferStatus, repeat=2)))
def test_a_transfer_takes_only_the_allowed_transitions(
    at: TransferStatus, to: TransferStatus
) -> None:
    if at is to:
        assert not check_transition(at=at, to=to)
    elif (at.value, to.value) in ALLOWED:
        assert check_transition(at=at, to=to)
    else:
        with pytest.raises(PayoutTransferStatusConflict) as refused:
            check_transition(at=at, to=to)
        assert refused.value.details == {"status": at.value, "to": to.value}


def test_every_status_has_its_transitions_and_is_in_flight_or_settled() -> None:
    assert set(TRANSITIONS) == set(TransferStatus)
    assert set(TransferStatus) == IN_FLIGHT | SETTLED
    assert not IN_FLIGHT & SETTLED


def test_what_was_sent_is_never_created_again() -> None:
    assert all(TransferStatus.CREATED not in after for after in TRANSITIONS.values())
    assert TransferStatus.SENT not in TRANSITIONS[TransferStatus.UNKNOWN]


def test_the_same_bank_is_another_service_than_another_bank() -> None:
    assert choose_service(from_bank="014", to_bank="014") == "17"
    assert choose_service(from_bank="014", to_bank="002") == "18"
