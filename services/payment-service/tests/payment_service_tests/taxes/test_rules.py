from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.counting.rules import BeneficiaryKind
from payment_service.taxes import rules, service
from payment_service.taxes.rules import (
    Bracket,
    TaxBook,
    TaxIdentity,
    TaxKind,
    Taxpayer,
    TaxPolicy,
    TaxStep,
    TaxTableBroken,
    Withholder,
    Withholding,
)
from perisai_kit.domain.nik import NikStatus

BOOK = service.book()
ON = date(2026, 12, 4)
BEFORE_NIK = date(2024, 6, 30)
SOME_ID = UUID("0190a000-0000-7000-8000-000000000001")
OURS = TaxPolicy()

WITH_NPWP = TaxIdentity(SOME_ID, has_npwp=True, nik_status=NikStatus.UNVERIFIED)
AGENT = Taxpayer(BeneficiaryKind.AGENT, identity=WITH_NPWP)
ENTITY = Taxpayer(
    BeneficiaryKind.WADAH, legal_entity=True, identity=TaxIdentity(SOME_ID, has_npwp=True)
)
GROSS = st.integers(min_value=1, max_value=20_000_000_000)
TAXPAYERS = st.builds(
    Taxpayer,
    kind=st.sampled_from(BeneficiaryKind),
    legal_entity=st.booleans(),
    identity=st.none()
    | st.builds(
        TaxIdentity,
        id=st.just(SOME_ID),
        has_npwp=st.booleans(),
        nik_status=st.none() | st.sampled_from(NikStatus),
    ),
    through_wadah=st.booleans(),
)
POLICIES = st.builds(
    TaxPolicy,
    through_wadah=st.sampled_from(Withholder),
    wadah_entity=st.sampled_from(TaxKind),
    wadah_person=st.sampled_from(TaxKind),
    unknown_is_no_npwp=st.booleans(),
    nik_serves=st.booleans(),
    base_unit=st.sampled_from([1, 1000]),
)


def withhold(
    gross: int, taxpayer: Taxpayer = AGENT, *, on: date = ON, policy: TaxPolicy = OURS
) -> Withholding:
    return rules.withhold(BOOK, gross=gross, taxpayer=taxpayer, on=on, policy=policy)


def pph21_by_hand(gross: int, *, surcharged: bool) -> int:
    """A second way: the law's table as marginal rates of what lies above each limit."""
    base = gross // 2
    above = [(0, 5), (60_000_000, 10), (250_000_000, 10), (500_000_000, 5), (5_000_000_000, 5)]
    tax = sum(Fraction(more, 100) * max(base - limit, 0) for limit, more in above)
    return floor(tax * Fraction(6, 5)) if surcharged else floor(tax)


@pytest.mark.parametrize(
    ("base", "tax"),
    [
        (60_000_000, 3_000_000),
        (250_000_000, 31_500_000),
        (500_000_000, 94_000_000),
        (5_000_000_000, 1_444_000_000),
        (6_000_000_000, 1_794_000_000),
    ],
)
def test_the_brackets_of_pasal_17_meet_at_their_limits(base: int, tax: int) -> None:
    found = withhold(2 * base)

    assert (found.base, found.amount) == (base, tax)


@pytest.mark.parametrize("limit", [60_000_000, 250_000_000, 500_000_000, 5_000_000_000])
@pytest.mark.parametrize("beside", [-40, -2, -1, 0, 1, 2, 40])
@pytest.mark.parametrize("surcharged", [False, True])
def test_around_each_limit_two_computations_agree(
    limit: int, beside: int, surcharged: bool
) -> None:
    taxpayer = replace(AGENT, identity=None) if surcharged else AGENT
    gross = 2 * limit + beside

    assert withhold(gross, taxpayer).amount == pph21_by_hand(gross, surcharged=surcharged)


@given(gross=GROSS, surcharged=st.booleans())
def test_any_gross_is_taxed_as_a_second_computation_says(gross: int, surcharged: bool) -> None:
    taxpayer = replace(AGENT, identity=None) if surcharged else AGENT

    assert withhold(gross, taxpayer).amount == pph21_by_hand(gross, surcharged=surcharged)


@given(gross=st.integers(min_value=1, max_value=120_000_000))
def test_up_to_120_million_an_agent_is_taxed_two_and_a_half_per_cent(gross: int) -> None:
    assert withhold(gross).amount == gross * 25 // 1000


@given(gross=GROSS)
def test_a_legal_entity_is_taxed_two_per_cent_and_twice_that_without_npwp(gross: int) -> None:
    without = replace(ENTITY, identity=TaxIdentity(SOME_ID, has_npwp=False))

    known, unknown = withhold(gross, ENTITY), withhold(gross, without)

    assert (known.kind, known.base, known.amount) == (TaxKind.PPH23, gross, gross * 2 // 100)
    assert (unknown.surcharged, unknown.amount) == (True, gross * 4 // 100)


@given(
    gross=GROSS,
    more=st.integers(min_value=0, max_value=10**9),
    taxpayer=TAXPAYERS,
    policy=POLICIES,
)
def test_more_gross_is_never_less_tax_nor_less_left(
    gross: int, more: int, taxpayer: Taxpayer, policy: TaxPolicy
) -> None:
    low, high = (withhold(each, taxpayer, policy=policy) for each in (gross, gross + more))

    assert 0 <= low.amount <= high.amount
    assert low.amount < gross
    # At most one rupiah by rounding, and 1,000 of base at 42 % by the unit.
    assert high.gross - high.amount >= low.gross - low.amount - 1 - 420


@given(gross=GROSS, taxpayer=TAXPAYERS, policy=POLICIES)
def test_the_lines_explain_the_amount(gross: int, taxpayer: Taxpayer, policy: TaxPolicy) -> None:
    found = withhold(gross, taxpayer, policy=policy)

    taxed = [line.taxed for line in found.lines if line.taxed is not None]
    assert sum(taxed) == found.base
    assert sum(line.exact for line in found.lines) // 10_000 == found.amount
    assert (TaxStep.SURCHARGE in [line.step for line in found.lines]) == found.surcharged
    assert (found.table_version is None) == (found.kind is TaxKind.NONE)


@given(items=st.lists(st.integers(min_value=1, max_value=10**9), min_size=1), taxpayer=TAXPAYERS)
def test_the_tax_of_the_items_adds_up_and_none_pays_more_than_it_is(
    items: list[int], taxpayer: Taxpayer
) -> None:
    found = withhold(sum(items), taxpayer)

    shares = rules.split(found, items)

    assert sum(shares) == found.amount
    for item, share in zip(items, shares, strict=True):
        exact = Fraction(item * found.amount, found.gross)
        assert 0 <= share <= item
        assert abs(share - exact) < 1


@pytest.mark.parametrize(
    ("identity", "on", "surcharged"),
    [
        (TaxIdentity(SOME_ID, has_npwp=True), ON, False),
        (TaxIdentity(SOME_ID, has_npwp=False, nik_status=NikStatus.VALID), ON, False),
        (TaxIdentity(SOME_ID, has_npwp=False, nik_status=NikStatus.VALID), BEFORE_NIK, True),
        (TaxIdentity(SOME_ID, has_npwp=False, nik_status=NikStatus.INVALID), ON, True),
        (TaxIdentity(SOME_ID, has_npwp=False, nik_status=NikStatus.UNVERIFIED), ON, True),
        (None, ON, True),
    ],
)
def test_those_without_npwp_pay_a_fifth_more(
    identity: TaxIdentity | None, on: date, surcharged: bool
) -> None:
    found = withhold(10_000_000, replace(AGENT, identity=identity), on=on)

    assert (found.surcharged, found.amount) == (surcharged, 300_000 if surcharged else 250_000)


@pytest.mark.parametrize(
    ("status", "surcharged"), [(NikStatus.UNVERIFIED, False), (NikStatus.INVALID, True)]
)
def test_what_is_unknown_may_be_taxed_without_surcharge(
    status: NikStatus, surcharged: bool
) -> None:
    policy = TaxPolicy(unknown_is_no_npwp=False)
    identity = TaxIdentity(SOME_ID, has_npwp=False, nik_status=status)

    assert (
        withhold(10**7, replace(AGENT, identity=identity), policy=policy).surcharged == surcharged
    )
    assert not withhold(10**7, replace(AGENT, identity=None), policy=policy).surcharged


def test_a_valid_nik_may_be_no_npwp() -> None:
    identity = TaxIdentity(SOME_ID, has_npwp=False, nik_status=NikStatus.VALID)

    policy = TaxPolicy(nik_serves=False)

    assert withhold(10**7, replace(AGENT, identity=identity), policy=policy).surcharged


def test_an_agent_paid_through_a_wadah_is_taxed_here_unless_the_wadah_withholds() -> None:
    paid_through = replace(AGENT, through_wadah=True)
    left_to_wadah = TaxPolicy(through_wadah=Withholder.WADAH)

    here, there = withhold(10**7, paid_through), withhold(10**7, paid_through, policy=left_to_wadah)
    itself = withhold(10**7, AGENT, policy=left_to_wadah)

    assert (here.kind, here.amount) == (TaxKind.PPH21, 250_000)
    assert (there.kind, there.amount, there.base) == (TaxKind.NONE, 0, 0)
    assert itself.amount == 250_000


@pytest.mark.parametrize(
    ("kind", "amount"), [(TaxKind.PPH21, 250_000), (TaxKind.PPH23, 200_000), (TaxKind.NONE, 0)]
)
def test_the_tax_of_a_wadah_that_is_no_entity_is_a_setting(kind: TaxKind, amount: int) -> None:
    found = withhold(
        10**7, replace(ENTITY, legal_entity=False), policy=TaxPolicy(wadah_person=kind)
    )

    assert (found.kind, found.amount) == (kind, amount)


def test_the_base_may_be_rounded_down_to_thousands() -> None:
    found = withhold(3_999_999, policy=TaxPolicy(base_unit=1000))

    assert (found.base, found.amount) == (1_999_000, 99_950)


@pytest.mark.parametrize("taxpayer", [AGENT, ENTITY])
def test_a_day_before_the_first_table_has_no_tax(taxpayer: Taxpayer) -> None:
    with pytest.raises(rules.NoTaxTable):
        withhold(10**7, taxpayer, on=date(2023, 12, 31))


def test_every_day_since_2024_has_one_table_of_each_tax() -> None:
    for kind in (TaxKind.PPH21, TaxKind.PPH23):
        for day in range(1500):
            on = date(2024, 1, 1) + timedelta(days=day)
            covering = [each for each in BOOK.tables if each.kind is kind and each.covers(on)]
            assert covering == [BOOK.table_of(kind, on)]


PPH21 = BOOK.table_of(TaxKind.PPH21, ON)


@pytest.mark.parametrize(
    "broken",
    [
        replace(PPH21, brackets=()),
        replace(PPH21, brackets=(Bracket(60_000_000, 500),)),
        replace(PPH21, brackets=(Bracket(None, 500), Bracket(None, 600))),
        replace(PPH21, brackets=(Bracket(9, 500), Bracket(8, 600), Bracket(None, 700))),
        replace(PPH21, brackets=(Bracket(9, 500), Bracket(None, 500))),
        replace(PPH21, brackets=(Bracket(None, 0),)),
        replace(PPH21, base_bps=10_000, brackets=(Bracket(None, 9_000),)),
        replace(PPH21, no_npwp_bps=9_999),
        replace(PPH21, kind=TaxKind.PPH23),
        replace(PPH21, first_on=date(2024, 6, 30)),
    ],
)
def test_a_table_that_contradicts_itself_or_another_is_refused(broken: rules.TaxTable) -> None:
    others = tuple(each for each in BOOK.tables if each is not PPH21)

    with pytest.raises(TaxTableBroken):
        TaxBook((*others, broken))
