from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.payments import rules
from payment_service.payments.rules import BankTimeUse
from payment_service.tariffs import rules as tariffs
from payment_service.tariffs import service as tariff_service
from payment_service.tariffs.rules import Basis, Line
from perisai_kit.domain.month import Month, list_months
from perisai_kit.domain.programmes import Payer, Programme, Sector

PAYMENT, PARTNER, BILL = UUID(int=1), UUID(int=2), UUID(int=3)
ON = date(2026, 11, 5)
NOVEMBER = Month(2026, 11)
ISSUED = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
RECEIVED = ISSUED + timedelta(hours=3)
TEN_MINUTES = timedelta(minutes=10)


def priced(first: Month, count: int = 1, *, income: int = 1_000_000) -> list[Line]:
    return list(
        tariffs.price(
            tariff_service.book(),
            Basis(Sector.OTHER, income, frozenset(Programme), False, Payer.SELF),
            months=list_months(first, count),
            jht_mandatory_for_employers=True,
        )
    )


def test_each_programme_of_each_month_is_one_transfer_to_bpjs() -> None:
    posted = rules.transfers(
        payment_id=PAYMENT, partner_id=PARTNER, business_on=ON, lines=priced(NOVEMBER)
    )

    assert [(str(each.credit), each.amount) for each in posted] == [
        ("bpjs_payable:jkk:2026-11", 5_000),
        ("bpjs_payable:jkm:2026-11", 3_400),
        ("bpjs_payable:jht:2026-11", 20_000),
    ]
    assert {str(each.debit) for each in posted} == {f"bank_collection:{PARTNER}"}
    assert posted[0].key == f"payment:{PAYMENT}:jkk:2026-11"


@given(count=st.integers(1, 12), income=st.integers(1_000_000, 30_000_000))
def test_the_transfers_of_a_payment_add_up_to_its_amount(count: int, income: int) -> None:
    lines = priced(NOVEMBER, count, income=income)

    posted = rules.transfers(payment_id=PAYMENT, partner_id=PARTNER, business_on=ON, lines=lines)

    assert sum(each.amount for each in posted) == sum(line.amount for line in lines)
    assert len({each.key for each in posted}) == len(lines)


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
