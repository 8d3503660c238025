from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payment_service_tests.partner_bank import make_offer

from payment_service.clients.members import ContributionBasis, Offer, PresentRegistration
from payment_service.quotes import rules
from payment_service.quotes.rules import Limits
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month, list_months

NOW = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
PRESENT = Month(2026, 11)
NEXT = PRESENT.plus(1)
LIMITS = Limits.of(NOW, PRESENT, advance_months=12)
REGISTERED = PresentRegistration(covers_from=midnight(Month(2026, 3).first_day))


def offering(*offers: Offer, **differences: Any) -> ContributionBasis:
    """Return an answer of member-service that differs from an open registration."""
    usual: dict[str, Any] = {
        "registration": REGISTERED,
        "settled_since": midnight(Month(2026, 3).first_day),
        "offers": offers,
        "declaration_needed": False,
        "not_billable": None,
    }
    return ContributionBasis.model_construct(**{**usual, **differences})


def opening(**differences: Any) -> ContributionBasis:
    """Return the two offers for somebody without a registration."""
    offers = [
        make_offer(first, pay_before=midnight(first.plus(1).first_day), opens_registration=True)
        for first in (PRESENT, NEXT)
    ]
    return offering(*offers, **{"registration": None, "settled_since": None, **differences})


def choose(basis: ContributionBasis, first: Month | None, count: int = 1) -> Sequence[Month]:
    return rules.choose_months(basis, LIMITS, first_month=first, month_count=count).months


def test_without_a_first_month_the_proposed_offer_is_taken() -> None:
    proposed = opening()
    reversed_ = proposed.model_copy(update={"offers": proposed.offers[::-1]})

    assert choose(proposed, None) == (PRESENT,)
    assert choose(reversed_, None, 2) == (NEXT, NEXT.plus(1))


def test_a_first_month_chooses_among_the_offers() -> None:
    assert choose(opening(), NEXT, 2) == (NEXT, NEXT.plus(1))


def test_paid_months_are_stepped_over() -> None:
    basis = offering(make_offer(Month(2026, 9), paid=[Month(2026, 10), PRESENT]))

    assert choose(basis, None, 3) == (Month(2026, 9), NEXT, NEXT.plus(1))


def test_a_bill_has_at_most_twelve_months_and_no_month_after_the_latest() -> None:
    (nearly,) = rules.list_choices(offering(make_offer(Month(2027, 10))), LIMITS)
    (whole_year,) = rules.list_choices(offering(make_offer(Month(2026, 9))), LIMITS)

    assert (nearly.longest, whole_year.longest) == (2, 12)


def test_an_offer_beyond_the_latest_month_is_none() -> None:
    assert rules.list_choices(offering(make_offer(Month(2027, 12))), LIMITS) == ()


@given(
    first=st.integers(-3, 30),
    holes=st.sets(st.integers(-3, 30), max_size=6),
    count=st.integers(1, 12),
)
def test_whatever_is_chosen_are_the_first_offered_months_within_the_limits(
    first: int, holes: set[int], count: int
) -> None:
    paid = [PRESENT.plus(hole) for hole in holes if hole != first]
    offer = make_offer(PRESENT.plus(first), paid=paid, pay_before=NOW + timedelta(days=1))
    basis = offering(offer)

    try:
        months = choose(basis, offer.months[0], count)
    except rules.MonthNotBillable:
        reachable = [month for month in offer.months if month <= LIMITS.latest]
        assert len(reachable) < count
        return

    assert months == offer.months[:count]
    assert months[-1] <= LIMITS.latest


@pytest.mark.parametrize("late_us", [0, 1])
def test_an_offer_ends_just_before_its_end(late_us: int) -> None:
    at = midnight(NEXT.first_day) + timedelta(microseconds=late_us)
    before = Limits.of(
        midnight(NEXT.first_day) - timedelta(microseconds=1), PRESENT, advance_months=12
    )
    after = Limits.of(at, NEXT, advance_months=12)

    assert [each.first_month for each in rules.list_choices(opening(), before)] == [PRESENT, NEXT]
    assert [each.first_month for each in rules.list_choices(opening(), after)] == [NEXT]


def test_a_declaration_is_needed_for_an_opening_only() -> None:
    for basis, is_needed in (
        (opening(declaration_needed=True), True),
        (opening(), False),
        (offering(make_offer(PRESENT), declaration_needed=True), False),
    ):
        chosen = rules.choose_months(basis, LIMITS, first_month=None, month_count=1)
        assert chosen.declaration_needed is is_needed


def test_months_of_an_earlier_registration_are_named_as_far_as_they_are_chosen() -> None:
    offer = make_offer(PRESENT, opens_registration=True, paid_earlier=[NEXT, NEXT.plus(5)])
    basis = offering(offer, registration=None)

    chosen = rules.choose_months(basis, LIMITS, first_month=None, month_count=3)

    assert chosen.paid_earlier == (NEXT,)
    assert rules.is_return(basis, chosen)


def test_the_first_registration_is_no_return() -> None:
    chosen = rules.choose_months(opening(), LIMITS, first_month=None, month_count=1)

    assert not rules.is_return(opening(), chosen)


@pytest.mark.parametrize(
    ("basis", "first", "count", "covers"),
    [
        (opening(), PRESENT, 1, True),
        (opening(), NEXT, 3, False),
        (offering(make_offer(Month(2026, 9))), Month(2026, 9), 2, False),
        (offering(make_offer(Month(2026, 9))), Month(2026, 9), 3, True),
        (offering(make_offer(NEXT)), NEXT, 1, True),  # this month is paid
        (
            offering(
                make_offer(PRESENT, 1),
                make_offer(NEXT),
                registration=PresentRegistration(covers_from=midnight(NEXT.first_day)),
            ),
            NEXT,
            1,
            False,  # registered, but its first month has not begun
        ),
    ],
    ids=["opening now", "opening next", "arrears left", "arrears", "ahead", "begins next"],
)
def test_it_is_said_whether_the_member_is_covered_today_after_the_payment(
    basis: ContributionBasis, first: Month, count: int, covers: bool
) -> None:
    chosen = rules.choose_months(basis, LIMITS, first_month=first, month_count=count)

    assert rules.covers_today(basis, chosen, LIMITS) is covers


@pytest.mark.parametrize(
    ("basis", "months"),
    [
        (opening(), (PRESENT,)),
        (offering(make_offer(Month(2026, 9))), list_months(Month(2026, 9), 3)),
        (
            offering(make_offer(Month(2026, 9), paid=[Month(2026, 10)])),
            (Month(2026, 9), PRESENT),
        ),
        (offering(make_offer(NEXT)), None),
        (offering(make_offer(PRESENT, pay_before=NOW)), None),
        (offering(not_billable="over_age"), None),
    ],
    ids=["opening", "arrears", "a paid month between", "is covered", "too late", "nothing"],
)
def test_the_smallest_payment_that_covers_today_ends_with_this_month(
    basis: ContributionBasis, months: tuple[Month, ...] | None
) -> None:
    found = rules.find_smallest_cover(basis, LIMITS)

    assert (found.months if found else None) == months
