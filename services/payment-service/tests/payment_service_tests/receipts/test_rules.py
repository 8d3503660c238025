from payment_service.receipts import rules
from payment_service.tariffs import rules as tariffs
from payment_service.tariffs import service as tariff_service
from payment_service.tariffs.rules import Basis
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme, Sector


def test_a_receipt_totals_each_programme_and_names_the_law_that_reduced_it() -> None:
    priced = tariffs.price(
        tariff_service.book(),
        Basis(Sector.OTHER, 1_000_000, frozenset(Programme), False, Payer.SELF),
        months=[Month(2026, 12), Month(2027, 1)],
        jht_mandatory_for_employers=True,
    )

    jkk, jkm, jht = rules.totals(priced)

    assert (jkk.programme, jkk.full_amount, jkk.relief_amount) == (Programme.JKK, 20_000, 5_000)
    assert jkk.relief_basis == jkm.relief_basis == ("PP 50/2025 art. 4",)
    assert (jht.amount, jht.relief_basis) == (40_000, ())
