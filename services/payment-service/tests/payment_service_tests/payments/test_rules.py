from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.payments import rules
from payment_service.payments.rules import BankTimeUse
from perisai_kit.domain.month import Month

PAYMENT, PARTNER, BILL = UUID(int=1), UUID(int=2), UUID(int=3)
ON = date(2026, 11, 5)
NOVEMBER = Month(2026, 11)
ISSUED = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
RECEIVED = ISSUED + timedelta(hours=3)
TEN_MINUTES = timedelta(minutes=10)


def decide(
    trx_date_time: datetime | None, tolerance: timedelta | None = TEN_MINUTES
) -> rules.PaidAt:
    return rules.decide_paid_at(
        trx_date_time, issued_at=ISSUED, received_at=RECEIVED, tolerance=tolerance
    )


@pytest.mark.parametrize(
    ("trx_date_time", "at", "use"),
    [
        (None, RECEIVED, BankTimeUse.ABSENT),
        (ISSUED, ISSUED, BankTimeUse.AS_SENT),
        (RECEIVED, RECEIVED, BankTimeUse.AS_SENT),
        (ISSUED - TEN_MINUTES, ISSUED, BankTimeUse.CLAMPED),
        (RECEIVED + TEN_MINUTES, RECEIVED, BankTimeUse.CLAMPED),
        (ISSUED - TEN_MINUTES - timedelta(microseconds=1), RECEIVED, BankTimeUse.TOO_FAR),
        (RECEIVED + TEN_MINUTES + timedelta(microseconds=1), RECEIVED, BankTimeUse.TOO_FAR),
    ],
)
def test_the_banks_time_counts_between_issue_and_receipt_and_a_little_around(
    trx_date_time: datetime | None, at: datetime, use: BankTimeUse
) -> None:
    found = decide(trx_date_time)

    assert (found.at, found.use) == (at, use)
    if trx_date_time is not None:
        assert found.at + found.difference == trx_date_time


def test_the_time_of_a_bank_that_is_not_trusted_never_counts() -> None:
    found = decide(ISSUED + timedelta(hours=1), tolerance=None)

    assert (found.at, found.use) == (RECEIVED, BankTimeUse.UNTRUSTED)


@given(minutes=st.integers(-(10**7), 10**7), tolerance=st.one_of(st.none(), st.integers(0, 60)))
def test_a_payment_never_counts_outside_issue_and_receipt(
    minutes: int, tolerance: int | None
) -> None:
    allowed = None if tolerance is None else timedelta(minutes=tolerance)

    found = decide(ISSUED + timedelta(minutes=minutes), tolerance=allowed)

    assert ISSUED <= found.at <= RECEIVED
