"""Every worked example of the sources, and the edges between them.

Source: docs/commissions.md (the 2022 slide deck compares both schemes).
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.commissions.rules import (
    CommissionRule,
    CorrectionReason,
    Line,
    LineKey,
    Standing,
    contribution_lines,
    entries_of,
    lines_of,
    lines_of_month,
    month_index,
    sums_of,
)
from payment_service.counting.rules import AnsweredAllocation, BeneficiaryKind, PaidLine
from payment_service.schemes.rules import PARTS, SCHEME_2018, SCHEME_2022, Applied, Terms
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
Programmes = tuple[tuple[str, int], ...]
FULL: Programmes = (("jkk", 10_000), ("jkm", 6_800), ("jht", 20_000))
TWO = FULL[:2]
RELIEVED: Programmes = (("jkk", 5_000), ("jkm", 3_400), ("jht", 20_000))
AGENT, WADAH = BeneficiaryKind.AGENT, BeneficiaryKind.WADAH
AGENT_ID, WADAH_ID = new_id(), new_id()


def scheme(terms: Terms = SCHEME_2022) -> Applied:
    return Applied(UUID(int=2022), "A scheme", Month(2017, 1), terms)


def paid(programmes: Programmes, month: Month = NOVEMBER) -> tuple[PaidLine, ...]:
    return tuple(PaidLine(month, programme, amount) for programme, amount in programmes)


def allocation(lines: tuple[PaidLine, ...], **differences: Any) -> AnsweredAllocation:
    usual: dict[str, Any] = {
        "allocation_id": new_id(),
        "payment_id": new_id(),
        "member_id": new_id(),
        "payer": "self",
        "counts_at": datetime(2025, 11, 10, tzinfo=UTC),
        "paid": lines,
        "is_declined": False,
        "months": frozenset(line.month for line in lines),
        "first_month": min(line.month for line in lines),
        "agent_id": AGENT_ID,
        "wadah_id": WADAH_ID,
        "is_acquisition": True,
        "was_at_work": True,
    }
    return AnsweredAllocation(**{**usual, **differences})


def month_of(
    terms: Terms, count: int, programmes: Programmes = FULL, **differences: Any
) -> tuple[int, int]:
    """Return what a month with `count` new members earns agent and wadah, in whole rupiah."""
    new = [allocation(paid(programmes), **differences) for _ in range(count)]
    lines = lines_of_month(scheme(terms), new)
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
    known = [allocation(paid(FULL), is_acquisition=False) for _ in range(50)]

    lines = lines_of_month(scheme(), known)

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
def test_a_contribution_earns_by_its_month_of_the_registration(index: int, rate_bps: int) -> None:
    month = NOVEMBER.plus(index - 1)
    one = allocation(paid((("jht", 20_000),), month), first_month=NOVEMBER)

    lines = contribution_lines(one, AGENT_ID, scheme())

    assert month_index(NOVEMBER, month) == index
    assert parts(lines, AGENT) == 20_000 * rate_bps
    assert parts(lines, WADAH) * 10 == parts(lines, AGENT)


def test_twelve_months_at_once_earn_by_their_own_index() -> None:
    months = [
        line for ahead in range(12) for line in paid((("jht", 20_000),), NOVEMBER.plus(ahead))
    ]
    one = allocation(tuple(months), first_month=NOVEMBER.plus(-20))

    agent = [
        line
        for line in contribution_lines(one, AGENT_ID, scheme())
        if line.beneficiary_kind is AGENT
    ]

    assert [line.month_index for line in agent] == list(range(21, 33))
    assert [line.rate_bps for line in agent] == [1500] * 4 + [500] * 8


@pytest.mark.parametrize(
    "differences", [{"agent_id": None}, {"was_at_work": False}, {"months": frozenset()}], ids=str
)
def test_nothing_is_earned_without_an_earner(differences: dict[str, Any]) -> None:
    one = allocation(paid(FULL), **differences)

    assert lines_of(one, scheme(), crossing=one.allocation_id) == []


def test_an_agent_without_a_wadah_earns_alone() -> None:
    lines = lines_of(allocation(paid(FULL), wadah_id=None), scheme(), crossing=None)

    assert {line.beneficiary_kind for line in lines} == {AGENT}


@given(st.permutations(range(12)), st.integers(1, 10**7))
def test_the_order_of_allocations_changes_nothing(order: list[int], amount: int) -> None:
    months = [PaidLine(NOVEMBER.plus(ahead), "jkk", amount) for ahead in range(12)]
    first = {"first_month": NOVEMBER.plus(-18)}

    at_once = contribution_lines(allocation(tuple(months), **first), AGENT_ID, scheme())
    one_by_one = [
        line
        for place in order
        for line in contribution_lines(allocation((months[place],), **first), AGENT_ID, scheme())
    ]

    assert parts(at_once, AGENT) == parts(one_by_one, AGENT)
    assert parts(at_once, WADAH) == parts(one_by_one, WADAH)


def test_every_line_has_a_key_and_a_beneficiary_of_its_own() -> None:
    lines = lines_of_month(scheme(), [allocation(paid(FULL)) for _ in range(25)])

    found: dict[BeneficiaryKind, set[UUID]] = {}
    for line in lines:
        found.setdefault(line.beneficiary_kind, set()).add(line.beneficiary_id)
    assert found == {AGENT: {AGENT_ID}, WADAH: {WADAH_ID}}
    assert len({line.key for line in lines}) == len(lines) == 25 * (3 + 1) * 2


def book(
    booked: dict[LineKey, Standing], one: AnsweredAllocation, wanted: list[Line]
) -> list[tuple[int, int, CorrectionReason | None]]:
    """Book what is missing, and return it: parts, number of the entry and reason."""
    entries = entries_of(one, wanted, booked)
    for each in entries:
        line = each.line
        booked[line.key] = Standing(each.entry_no, line if line.base > 0 else None)
    return [(each.line.parts, each.entry_no, each.reason) for each in entries]


def test_what_is_booked_follows_what_is_wanted_and_a_repeat_books_nothing() -> None:
    one = allocation(paid((("jht", 20_000),)))
    lines = lines_of(one, scheme(), crossing=None)
    other = replace(one, agent_id=new_id())
    moved = lines_of(other, scheme(), crossing=None)
    away = replace(one, was_at_work=False)
    booked: dict[LineKey, Standing] = {}
    full, tenth = 20_000 * 1_500, 20_000 * 150

    assert book(booked, one, lines) == [(full, 1, None), (tenth, 1, None)]
    assert book(booked, one, lines) == []
    changed, absent = CorrectionReason.ATTRIBUTION_CHANGED, CorrectionReason.AGENT_NOT_AT_WORK
    assert book(booked, other, moved) == [
        (-full, 2, changed),
        (full, 3, None),
        (-tenth, 2, changed),
        (tenth, 3, None),
    ]
    assert book(booked, one, lines)[::2] == [(-full, 4, changed), (-tenth, 4, changed)]
    assert book(booked, away, []) == [(-full, 6, absent), (-tenth, 6, absent)]
    assert book(booked, away, []) == []
    assert book(booked, one, lines) == [(full, 7, None), (tenth, 7, None)]


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        ({"is_declined": True, "months": frozenset()}, CorrectionReason.PAYMENT_DECLINED),
        ({"months": frozenset()}, CorrectionReason.MONTH_WITHDRAWN),
        ({"agent_id": None, "wadah_id": None}, CorrectionReason.ATTRIBUTION_CHANGED),
        ({"was_at_work": False}, CorrectionReason.AGENT_NOT_AT_WORK),
        ({"is_acquisition": False}, CorrectionReason.NO_ACQUISITION),
        ({}, CorrectionReason.THRESHOLD_MISSED),
    ],
    ids=str,
)
def test_an_opposite_line_says_why(differences: dict[str, Any], reason: CorrectionReason) -> None:
    one = allocation(paid(FULL))
    booked: dict[LineKey, Standing] = {}
    book(booked, one, lines_of_month(scheme(replace(SCHEME_2022, threshold=1)), [one]))
    known = replace(one, **differences)

    entries = entries_of(known, lines_of(known, scheme(), crossing=None), booked)

    acquisitions = [each for each in entries if each.line.rule is CommissionRule.ACQUISITION]
    assert [(each.line.parts, each.reason) for each in acquisitions] == [(-150_000_000, reason)]


def test_another_first_month_takes_lines_back_and_books_them_anew() -> None:
    one = allocation(paid((("jht", 20_000),)), is_acquisition=False)
    booked: dict[LineKey, Standing] = {}
    book(booked, one, lines_of(one, scheme(), crossing=None))
    known = replace(one, first_month=NOVEMBER.plus(-24))

    entries = book(booked, known, lines_of(known, scheme(), crossing=None))

    assert entries[:2] == [
        (-20_000 * 1_500, 2, CorrectionReason.RECOMPUTED),
        (20_000 * 500, 3, None),
    ]
