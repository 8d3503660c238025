from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from payment_service.payments import rules
from payment_service.tariffs import rules as tariffs
from payment_service.tariffs import service as tariff_service
from payment_service.tariffs.rules import Basis, Line, Payer, Programme, Sector
from perisai_kit.domain.month import Month

PAYMENT, PARTNER, BILL = UUID(int=1), UUID(int=2), UUID(int=3)
ON = date(2026, 11, 5)
NOVEMBER = Month(2026, 11)


def priced(first: Month, count: int = 1, *, income: int = 1_000_000) -> list[Line]:
    return list(
        tariffs.price(
            tariff_service.book(),
            Basis(Sector.OTHER, income, frozenset(Programme), False, Payer.SELF),
            first_month=first,
            month_count=count,
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
