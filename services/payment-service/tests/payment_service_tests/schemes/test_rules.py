"""When a scheme can be computed exactly, who decides, and from when it applies."""

from dataclasses import dataclass, replace

import pytest

from payment_service.schemes.rules import (
    SCHEME_2018,
    SCHEME_2022,
    NewMember,
    OwnProposal,
    SchemeDecided,
    SchemeInvalid,
    SchemeStatus,
    SchemeTooEarly,
    Terms,
    Tier,
    check_beginning,
    check_decision,
    check_terms,
    scheme_of,
)
from perisai_kit.domain.month import Month


@dataclass(frozen=True)
class Begun:
    first_month: Month


@pytest.mark.parametrize("terms", [SCHEME_2018, SCHEME_2022], ids=["2018", "2022"])
def test_the_seeded_schemes_are_exact(terms: Terms) -> None:
    check_terms(terms)

    assert terms.threshold in {50, 25}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (
            {"tiers": (Tier(1, None, 1501),), "agent_share_bps": 9000, "wadah_share_bps": 1000},
            "terms.tiers.0.rate_bps",
        ),
        ({"tiers": (Tier(1, 24, 1500), Tier(24, 60, 500))}, "terms.tiers"),
        ({"tiers": (Tier(25, 60, 500), Tier(1, None, 1500))}, "terms.tiers"),
        ({"tiers": (Tier(1, 3, 1230), Tier(5, 60, 320))}, "terms.tiers"),
        ({"tiers": (Tier(5, 60, 320), Tier(1, 3, 1230))}, "terms.tiers"),
        ({"tiers": (Tier(5, 4, 1500),)}, "terms.tiers.0.last_index"),
        ({"tiers": (Tier(1, 4, 5),)}, "terms.tiers.0.rate_bps"),
        ({"tiers": (), "agent_share_bps": 9999, "override_bps": 1}, "terms.override_bps"),
        ({"wadah_share_bps": 1}, "terms.wadah_share_bps"),
        (
            {"acquisition_by_programmes": (NewMember(3, 1), NewMember(3, 2))},
            "terms.acquisition_by_programmes",
        ),
    ],
    ids=str,
)
def test_a_scheme_that_cannot_be_exact_is_refused(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(SchemeInvalid) as refused:
        check_terms(replace(SCHEME_2022, **wrong))  # type: ignore[arg-type]  # fields of Terms

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("index", "rate_bps"),
    [(0, 0), (1, 1500), (24, 1500), (25, 500), (60, 500), (61, 0), (400, 0)],
)
def test_the_2022_rate_falls_after_24_months_and_ends_after_60(index: int, rate_bps: int) -> None:
    assert SCHEME_2022.rate_bps(index) == rate_bps


def test_the_2018_rate_never_ends() -> None:
    assert {SCHEME_2018.rate_bps(index) for index in (1, 25, 61, 10_000)} == {750}


@pytest.mark.parametrize(("programmes", "amount"), [(3, 15_000), (2, 10_000), (1, 0)])
def test_a_new_member_is_worth_what_his_programmes_are(programmes: int, amount: int) -> None:
    assert SCHEME_2022.acquisition(programmes) == amount


def test_whether_money_of_sponsors_earns_is_a_term() -> None:
    strict = replace(SCHEME_2022, sponsored=False)

    assert [SCHEME_2022.earns(payer) for payer in ("self", "sponsor", "government")] == [True] * 3
    assert [strict.earns(payer) for payer in ("self", "sponsor", "government")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("month", "begun"),
    [
        (Month(2016, 12), None),
        (Month(2017, 1), Month(2017, 1)),
        (Month(2022, 3), Month(2017, 1)),
        (Month(2022, 4), Month(2022, 4)),
        (Month(2026, 11), Month(2022, 4)),
    ],
)
def test_the_latest_scheme_that_has_begun_applies(month: Month, begun: Month | None) -> None:
    schemes = [Begun(Month(2022, 4)), Begun(Month(2017, 1))]

    found = scheme_of(schemes, month)

    assert (found and found.first_month) == begun


def test_a_decision_is_made_once_and_by_somebody_else() -> None:
    check_decision(SchemeStatus.PROPOSED, is_own=False)

    with pytest.raises(OwnProposal):
        check_decision(SchemeStatus.PROPOSED, is_own=True)
    for decided in (SchemeStatus.APPROVED, SchemeStatus.REJECTED):
        with pytest.raises(SchemeDecided):
            check_decision(decided, is_own=False)


def test_a_scheme_begins_where_nothing_was_earned_yet() -> None:
    check_beginning(Month(2026, 12), earliest=Month(2026, 12))
    check_beginning(Month(2017, 1), earliest=None)

    with pytest.raises(SchemeTooEarly) as refused:
        check_beginning(Month(2026, 11), earliest=Month(2026, 12))
    assert refused.value.details == {"earliest": "2026-12"}
