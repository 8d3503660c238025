"""Every worked example of the sources, and the edges between them.

Source: docs/money.md, Commissions (the 2022 slide deck compares both schemes).
"""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.commissions.rules import (
    CommissionRule,
    Line,
    contribution_lines,
    lines_of_month,
    month_index,
    sums_of,
)
from payment_service.counting.rules import BeneficiaryKind, Care, Earning, PaidLine
from payment_service.schemes.rules import PARTS, SCHEME_2018, SCHEME_2022, Terms
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
Programmes = tuple[tuple[str, int], ...]
FULL: Programmes = (("jkk", 10_000), ("jkm", 6_800), ("jht", 20_000))
TWO = FULL[:2]
RELIEVED: Programmes = (("jkk", 5_000), ("jkm", 3_400), ("jht", 20_000))
AGENT, WADAH = BeneficiaryKind.AGENT, BeneficiaryKind.WADAH


def care(counted_from: Month = NOVEMBER) -> Care:
    return Care(
        attribution_id=new_id(), agent_id=new_id(), wadah_id=new_id(), counted_from=counted_from
    )


def paid(programmes: Programmes, month: Month = NOVEMBER) -> tuple[PaidLine, ...]:
    return tuple(PaidLine(month, programme, amount) for programme, amount in programmes)


def earning(
    whose: Care, lines: tuple[PaidLine, ...], *, is_new: bool = True, payer: str = "self"
) -> Earning:
    return Earning(
        payment_id=new_id(),
        member_id=new_id(),
        month=NOVEMBER,
        care=whose,
        payer=payer,
        paid=lines,
        is_new=is_new,
    )


def month_of(
    terms: Terms, count: int, programmes: Programmes = FULL, *, payer: str = "self"
) -> tuple[int, int]:
    """Return what a month with `count` new members earns agent and wadah, in whole rupiah."""
    whose = care()
    new = [earning(whose, paid(programmes), payer=payer) for _ in range(count)]
    lines = lines_of_month(terms, new)
    return rupiah(lines, AGENT), rupiah(lines, WADAH)


def rupiah(lines: list[Line], kind: BeneficiaryKind) -> int:
    assert parts(lines, kind) % PARTS == 0
    return parts(lines, kind) // PARTS


def parts(lines: list[Line], kind: BeneficiaryKind) -> int:
    return sums_of(lines, kind).parts


@pytest.mark.parametrize(("count", "agent"), [(30, 74_520), (50, 574_200), (100, 698_400)])
def test_the_2018_scheme_gives_the_published_figures(count: int, agent: int) -> None:
    assert month_of(SCHEME_2018, count)[0] == agent


@pytest.mark.parametrize(
    ("count", "agent", "wadah"),
    [(30, 615_600, 61_560), (50, 1_026_000, 102_600), (100, 2_052_000, 205_200)],
)
def test_the_2022_scheme_gives_the_published_figures(count: int, agent: int, wadah: int) -> None:
    assert month_of(SCHEME_2022, count) == (agent, wadah)


def test_two_programmes_earn_the_smaller_acquisition() -> None:
    assert month_of(SCHEME_2022, 30, TWO)[0] == 375_600


def test_relief_halves_what_it_relieves() -> None:
    assert month_of(SCHEME_2022, 50, RELIEVED) == (963_000, 96_300)


@pytest.mark.parametrize(("count", "agent"), [(24, 24 * 5_520), (25, 25 * (5_520 + 15_000))])
def test_the_threshold_counts_from_25_for_the_first_member_too(count: int, agent: int) -> None:
    assert month_of(SCHEME_2022, count)[0] == agent


@pytest.mark.parametrize(("count", "sum_"), [(49, 0), (50, 500_000), (51, 500_000)])
def test_the_fixed_sum_of_2018_comes_once_from_50_on(count: int, sum_: int) -> None:
    earned = month_of(SCHEME_2018, count)

    assert sum(earned) == count * 2_760 + sum_
    assert earned[0] == earned[1] * 9


def test_members_who_are_not_new_count_for_nothing_but_their_contributions() -> None:
    whose = care()
    known = [earning(whose, paid(FULL), is_new=False) for _ in range(50)]

    lines = lines_of_month(SCHEME_2022, known)

    assert {line.rule for line in lines} == {CommissionRule.CONTRIBUTION, CommissionRule.OVERRIDE}
    assert rupiah(lines, AGENT) == 50 * 5_520


@pytest.mark.parametrize("payer", ["sponsor", "government"])
def test_sponsored_money_earns_as_the_scheme_says(payer: str) -> None:
    strict = replace(SCHEME_2022, sponsored=False)

    assert month_of(SCHEME_2022, 25, payer=payer) == month_of(SCHEME_2022, 25)
    assert month_of(strict, 25, payer=payer) == (0, 0)


@pytest.mark.parametrize(
    ("index", "rate_bps"), [(1, 1500), (24, 1500), (25, 500), (60, 500), (61, 0)]
)
def test_a_contribution_earns_by_its_month_index(index: int, rate_bps: int) -> None:
    whose = care()
    month = NOVEMBER.plus(index - 1)

    lines = contribution_lines(SCHEME_2022, earning(whose, paid((("jht", 20_000),), month)))

    assert month_index(whose, month) == index
    assert parts(lines, AGENT) == 20_000 * rate_bps
    assert parts(lines, WADAH) * 10 == parts(lines, AGENT)


def test_arrears_from_before_the_agent_count_as_the_first_month() -> None:
    assert month_index(care(), NOVEMBER.plus(-2)) == 1


def test_twelve_months_at_once_earn_by_their_own_index() -> None:
    months = [
        line for ahead in range(12) for line in paid((("jht", 20_000),), NOVEMBER.plus(ahead))
    ]

    lines = contribution_lines(SCHEME_2022, earning(care(NOVEMBER.plus(-20)), tuple(months)))
    agent = [line for line in lines if line.beneficiary is AGENT]

    assert [line.month_index for line in agent] == list(range(21, 33))
    assert [line.rate_bps for line in agent] == [1500] * 4 + [500] * 8


@given(st.permutations(range(12)), st.integers(1, 10**7))
def test_the_order_of_payments_changes_nothing(order: list[int], amount: int) -> None:
    whose = care(NOVEMBER.plus(-18))
    months = [PaidLine(NOVEMBER.plus(ahead), "jkk", amount) for ahead in range(12)]

    at_once = contribution_lines(SCHEME_2022, earning(whose, tuple(months)))
    one_by_one = [
        line
        for place in order
        for line in contribution_lines(SCHEME_2022, earning(whose, (months[place],)))
    ]

    assert parts(at_once, AGENT) == parts(one_by_one, AGENT)
    assert parts(at_once, WADAH) == parts(one_by_one, WADAH)


def test_every_line_has_a_key_and_a_beneficiary_of_its_own() -> None:
    whose = care()

    lines = lines_of_month(SCHEME_2022, [earning(whose, paid(FULL)) for _ in range(25)])

    found: dict[BeneficiaryKind, set[UUID]] = {}
    for line in lines:
        found.setdefault(line.beneficiary, set()).add(line.beneficiary_id)
    assert found == {AGENT: {whose.agent_id}, WADAH: {whose.wadah_id}}
    assert len({line.key for line in lines}) == len(lines) == 25 * (3 + 1) * 2
    assert all(line.parts == line.base * line.rate_bps for line in lines)
