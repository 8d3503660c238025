import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.tariffs import rules, service
from payment_service.tariffs.rules import Basis
from perisai_kit.domain.month import Month, list_months
from perisai_kit.domain.programmes import (
    MANDATORY,
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
    Payer,
    Programme,
    Sector,
)

ALL = frozenset(Programme)
BOOK = service.book()
NO_TAX_MONEY = (Payer.SELF, Payer.SPONSOR)


def rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "bpu_tariff.csv").open() as file:
        return list(csv.DictReader(file))


def basis(
    *,
    income: int = 1_000_000,
    sector: Sector = Sector.OTHER,
    payer: Payer = Payer.SELF,
    programmes: frozenset[Programme] = ALL,
    employs_others: bool = False,
) -> Basis:
    return Basis(sector, income, programmes, employs_others, payer)


def price(of: Basis, first: str, count: int = 1, *, mandatory: bool = True) -> list[rules.Line]:
    return list(
        rules.price(
            BOOK,
            of,
            months=list_months(Month.parse(first), count),
            jht_mandatory_for_employers=mandatory,
        )
    )


def total(of: Basis, first: str, count: int = 1) -> int:
    return sum(line.amount for line in price(of, first, count))


def test_the_table_has_all_33_bands() -> None:
    assert len(rows()) == 33
    assert len(BOOK.tariffs[0].bands) == 33


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"band {row['band']}")
@pytest.mark.parametrize("edge", ["from", "reference", "to"])
def test_every_band_prices_as_the_table_says(row: dict[str, str], edge: str) -> None:
    least = max(int(row["income_from"]), 1_000_000)
    incomes = {
        "from": least,
        "reference": int(row["reference_income"]),
        "to": int(row["income_to"] or 10**12),
    }

    full = {line.programme: line for line in price(basis(income=incomes[edge]), "2026-01")}
    half = {line.programme: line for line in price(basis(income=incomes[edge]), "2026-11")}

    assert {line.band for line in full.values()} == {int(row["band"])}
    assert full[Programme.JKK].reference_income == int(row["reference_income"])
    assert [full[programme].amount for programme in Programme] == [
        int(row["jkk"]),
        int(row["jkm"]),
        int(row["jht"]),
    ]
    assert [half[programme].amount for programme in Programme] == [
        int(row["jkk_half"]),
        int(row["jkm_half"]),
        int(row["jht"]),
    ]
    assert sum(line.amount for line in full.values()) == int(row["total_jkk_jkm_jht"])
    assert sum(line.amount for line in half.values()) == int(row["total_with_jht_half"])
    assert full[Programme.JKK].amount + full[Programme.JKM].amount == int(row["total_jkk_jkm"])
    assert half[Programme.JKK].amount + half[Programme.JKM].amount == int(row["total_jkk_jkm_half"])


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"band {row['band']}")
def test_the_rates_behind_the_table_are_one_and_two_per_cent(row: dict[str, str]) -> None:
    band = BOOK.tariffs[0].bands[int(row["band"]) - 1]

    assert band.amounts[Programme.JKK] * 100 == band.reference_income
    assert band.amounts[Programme.JHT] * 50 == band.reference_income
    assert band.amounts[Programme.JKM] == 6_800


@pytest.mark.parametrize(
    ("income", "band"),
    [
        (1_099_000, 1),
        (1_099_001, 1),
        (1_099_500, 1),
        (1_099_999, 1),
        (1_100_000, 2),
        (20_199_000, 32),
        (20_199_999, 32),
        (20_200_000, 33),
        (2**53, 33),
    ],
)
def test_an_income_in_a_hole_of_the_table_belongs_to_the_lower_band(income: int, band: int) -> None:
    assert price(basis(income=income), "2026-11")[0].band == band


def test_an_income_below_the_minimum_is_refused() -> None:
    with pytest.raises(IncomeBelowMinimum) as refused:
        price(basis(income=999_999), "2026-11")

    assert refused.value.details == {"minimum": 1_000_000}


def test_the_least_contribution_is_36_800_and_28_400_with_relief() -> None:
    assert total(basis(), "2025-11") == 36_800
    assert total(basis(), "2026-11") == 28_400
    assert total(basis(programmes=MANDATORY), "2025-11") == 16_800
    assert total(basis(programmes=MANDATORY), "2026-11") == 8_400


@pytest.mark.parametrize(
    ("sector", "month", "relieved"),
    [
        (Sector.TRANSPORT, "2025-12", False),
        (Sector.TRANSPORT, "2026-01", True),
        (Sector.TRANSPORT, "2027-03", True),
        (Sector.TRANSPORT, "2027-04", False),
        (Sector.OTHER, "2026-03", False),
        (Sector.OTHER, "2026-04", True),
        (Sector.OTHER, "2026-12", True),
        (Sector.OTHER, "2027-01", False),
    ],
)
def test_relief_begins_and_ends_with_the_months_of_the_sector(
    sector: Sector, month: str, relieved: bool
) -> None:
    lines = {line.programme: line for line in price(basis(sector=sector), month)}

    expected = (5_000, "PP 50/2025 art. 4") if relieved else (0, None)
    assert (lines[Programme.JKK].relief_bps, lines[Programme.JKK].relief_basis) == expected
    assert (lines[Programme.JKM].relief_bps, lines[Programme.JKM].relief_basis) == expected
    assert (lines[Programme.JHT].relief_bps, lines[Programme.JHT].relief_basis) == (0, None)


def test_old_age_savings_are_never_reduced() -> None:
    (line,) = [each for each in price(basis(), "2026-11") if each.programme is Programme.JHT]

    assert (line.full_amount, line.relief_amount, line.amount) == (20_000, 0, 20_000)


@pytest.mark.parametrize("sector", list(Sector))
def test_money_from_the_state_budget_gets_no_relief(sector: Sector) -> None:
    assert total(basis(sector=sector, payer=Payer.GOVERNMENT), "2026-11") == 36_800


def test_a_sponsor_gets_the_relief() -> None:
    assert total(basis(payer=Payer.SPONSOR), "2026-11") == 28_400


def test_a_year_paid_in_december_2026_has_one_discounted_month() -> None:
    lines = price(basis(), "2026-12", 12)

    relieved = {str(line.month) for line in lines if line.relief_amount}
    assert relieved == {"2026-12"}
    assert sum(line.amount for line in lines) == 28_400 + 11 * 36_800
    assert str(lines[-1].month) == "2027-11"


def test_arrears_from_before_the_relief_stay_at_the_full_price() -> None:
    assert total(basis(), "2026-03", 3) == 36_800 + 2 * 28_400


def test_old_age_savings_are_a_choice_except_for_owners_who_employ_others() -> None:
    owner = basis(programmes=MANDATORY, employs_others=True)

    assert len(price(basis(programmes=MANDATORY), "2026-11")) == 2
    assert len(price(owner, "2026-11", mandatory=False)) == 2
    with pytest.raises(JhtMandatory):
        price(owner, "2026-11")


@pytest.mark.parametrize("programmes", [{Programme.JKK}, {Programme.JHT}, set()])
def test_accident_and_death_cover_cannot_be_left_out(programmes: set[Programme]) -> None:
    with pytest.raises(MandatoryProgrammeMissing):
        price(basis(programmes=frozenset(programmes)), "2026-11")


@pytest.mark.parametrize("count", [0, 13])
def test_only_one_to_twelve_months_are_priced(count: int) -> None:
    with pytest.raises(rules.TooManyMonths):
        price(basis(), "2026-11", count)


def test_a_month_before_the_first_sourced_table_is_not_guessed() -> None:
    assert total(basis(), "2022-04") == 36_800
    with pytest.raises(rules.NoTariff) as refused:
        price(basis(), "2022-03", 2)

    assert refused.value.details == {"month": "2022-03"}


@given(
    income=st.integers(1_000_000, 2**53),
    sector=st.sampled_from(Sector),
    payer=st.sampled_from(Payer),
    first=st.integers(0, 120).map(Month(2022, 4).plus),
    count=st.integers(1, 12),
    jht=st.booleans(),
)
def test_every_rupiah_of_a_quote_is_explained(
    income: int, sector: Sector, payer: Payer, first: Month, count: int, jht: bool
) -> None:
    of = basis(income=income, sector=sector, payer=payer, programmes=ALL if jht else MANDATORY)

    lines = price(of, str(first), count)

    assert len(lines) == count * len(of.programmes)
    assert len({(line.month, line.programme) for line in lines}) == len(lines)
    for line in lines:
        assert line.amount == line.full_amount - line.relief_amount > 0
        assert line.relief_amount * 10_000 == line.full_amount * line.relief_bps
        assert (line.relief_basis is None) == (line.relief_bps == 0)
        assert payer in NO_TAX_MONEY or line.relief_bps == 0


@given(
    first=st.integers(0, 120).map(Month(2022, 4).plus),
    count=st.integers(2, 12),
    sector=st.sampled_from(Sector),
)
def test_a_prepayment_costs_what_its_months_cost_one_by_one(
    first: Month, count: int, sector: Sector
) -> None:
    at_once = total(basis(sector=sector), str(first), count)

    assert at_once == sum(
        total(basis(sector=sector), str(first.plus(index))) for index in range(count)
    )


@given(low=st.integers(1_000_000, 30_000_000), more=st.integers(0, 30_000_000))
def test_a_higher_income_never_costs_less(low: int, more: int) -> None:
    assert total(basis(income=low), "2026-11") <= total(basis(income=low + more), "2026-11")


def test_two_tables_for_one_month_are_refused_at_start() -> None:
    (tariff,) = BOOK.tariffs
    second = replace(tariff, id="second", first_month=Month(2030, 1))

    with pytest.raises(rules.TariffBroken, match="cover the same month"):
        rules.Book((tariff, second), ())


def test_tables_that_follow_each_other_price_each_month_by_its_own() -> None:
    (tariff,) = BOOK.tariffs
    ended = replace(tariff, last_month=Month(2029, 12))
    band = replace(tariff.bands[0], amounts={**tariff.bands[0].amounts, Programme.JKM: 7_000})
    second = replace(tariff, id="second", first_month=Month(2030, 1), bands=(band,))

    book = rules.Book((ended, second), ())

    assert rules.tariff_of(book.tariffs, Month(2029, 12)).id == ended.id
    assert rules.tariff_of(book.tariffs, Month(2030, 1)).id == "second"


@pytest.mark.parametrize("bands", [(), BOOK.tariffs[0].bands[1:], BOOK.tariffs[0].bands[::-1]])
def test_a_table_with_missing_or_disordered_bands_is_refused_at_start(
    bands: tuple[rules.Band, ...],
) -> None:
    with pytest.raises(rules.TariffBroken):
        rules.Book((replace(BOOK.tariffs[0], bands=bands),), ())


def test_a_relief_that_would_cut_a_rupiah_in_parts_is_refused_at_start() -> None:
    (relief,) = BOOK.reliefs

    with pytest.raises(rules.TariffBroken, match="fraction"):
        rules.Book(BOOK.tariffs, (replace(relief, rate_bps=3_333),))


def test_two_reliefs_for_one_month_are_refused_at_start() -> None:
    (relief,) = BOOK.reliefs

    with pytest.raises(rules.TariffBroken, match="another relief"):
        rules.Book(BOOK.tariffs, (relief, replace(relief, id="again")))


def test_every_shipped_document_names_its_sources() -> None:
    folder = Path(service.__file__).parent / "data"
    documents = [json.loads(file.read_text()) for file in folder.glob("*.json")]

    assert len(documents) == 2
    assert all(document["sources"] for document in documents)


@pytest.mark.parametrize("month", ["0001-01", "2022-03"])
def test_a_month_outside_all_tables_has_no_price(month: str) -> None:
    with pytest.raises(rules.NoTariff):
        price(basis(), month, 12)
