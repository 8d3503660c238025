"""Which months can be billed, and until when they can be paid."""

from datetime import date

import pytest
from member_service_tests.registrations.histories import TERMS
from member_service_tests.registrations.payments import BORN, declare, moment, pay

from member_service.coverage.rules import Billable, NotBillable, find_billable
from member_service.registrations.rules import (
    Allocation,
    Declaration,
    Ending,
    EndReason,
    Person,
)
from member_service.registrations.rules import judge as judge_person
from perisai_kit.domain.jakarta import JAKARTA

DECLARED = [declare(f"2026-{month:02}-01") for month in range(1, 13)]


def billable(
    *allocations: Allocation,
    at: str,
    born: date = BORN,
    declarations: list[Declaration] = DECLARED,
    endings: tuple[Ending, ...] = (),
) -> Billable:
    person = Person(born, declarations, endings)
    history = judge_person(allocations, person, terms=TERMS, known_on=moment(at).date())
    return find_billable(history, person, at=moment(at), terms=TERMS)


def offers(found: Billable) -> list[tuple[str, str, int]]:
    """Return first month, end in Jakarta, and number of months of each offer."""
    return [
        (
            str(each.months[0]),
            f"{each.pay_before.astimezone(JAKARTA):%Y-%m-%dT%H:%M}",
            len(each.months),
        )
        for each in found.offers
    ]


def test_without_a_registration_the_present_and_the_next_month_are_offered() -> None:
    found = billable(at="2026-11-10")

    assert offers(found) == [
        ("2026-11", "2026-12-01T00:00", 24),
        ("2026-12", "2027-01-01T00:00", 24),
    ]
    assert all(each.opens_registration for each in found.offers)


def test_with_less_than_two_hours_left_the_next_month_is_proposed() -> None:
    assert offers(billable(at="2026-11-30T22:00"))[0][0] == "2026-11"
    assert offers(billable(at="2026-11-30T22:01"))[0][0] == "2026-12"


def test_a_declaration_is_needed_before_a_bill_that_opens_a_registration() -> None:
    old = [declare("2026-10-10")]

    assert billable(at="2026-11-10", declarations=old).declaration_needed
    assert not billable(at="2026-11-09", declarations=old).declaration_needed
    paid = pay("2026-10-12", "2026-10")
    assert not billable(paid, at="2026-11-30", declarations=old).declaration_needed


def test_an_open_registration_is_offered_its_unpaid_months_until_it_lapses() -> None:
    found = billable(pay("2026-09-05", "2026-09"), at="2026-12-30")

    assert offers(found) == [("2026-10", "2027-01-01T00:00", 24)]
    assert not found.offers[0].opens_registration


def test_paid_months_between_are_skipped() -> None:
    # The bank has reversed the payment of October.
    paid = [pay("2026-09-05", "2026-09"), pay("2026-11-05", "2026-11")]

    found = billable(*paid, at="2026-11-20")

    assert [str(month) for month in found.offers[0].months[:3]] == ["2026-10", "2026-12", "2027-01"]


def test_while_the_first_month_is_the_next_one_its_own_month_can_be_paid_alone() -> None:
    paid = pay("2026-09-05", "2026-10")

    assert offers(billable(paid, at="2026-09-30T23:00")) == [
        ("2026-09", "2026-10-01T00:00", 1),
        ("2026-11", "2027-02-01T00:00", 24),
    ]
    assert [each[0] for each in offers(billable(paid, at="2026-10-01T00:00"))] == ["2026-11"]


def test_after_a_lapse_old_months_are_not_offered() -> None:
    found = billable(pay("2026-03-05", "2026-03"), at="2026-08-10")

    assert [each[0] for each in offers(found)] == ["2026-08", "2026-09"]


def test_after_a_return_the_months_before_it_are_not_offered() -> None:
    paid = [pay("2026-03-05", "2026-03"), pay("2026-08-10", "2026-08")]

    assert [each[0] for each in offers(billable(*paid, at="2026-09-05"))] == ["2026-09"]


def test_a_month_paid_in_an_earlier_registration_may_be_paid_again_and_the_next_is_proposed() -> (
    None
):
    ending = Ending(date(2026, 9, 20), EndReason.CHOICE)

    found = billable(pay("2026-09-05", "2026-09"), at="2026-09-25", endings=(ending,))

    assert [each[0] for each in offers(found)] == ["2026-10", "2026-09"]
    assert [str(month) for month in found.offers[1].paid_earlier] == ["2026-09"]


@pytest.mark.parametrize(
    ("born", "at", "expected"),
    [
        (date(1961, 11, 20), "2026-11-10", ["2026-11-20T00:00", "2026-11-20T00:00"]),
        (date(1961, 12, 5), "2026-11-10", ["2026-12-01T00:00", "2026-12-05T00:00"]),
        (date(1961, 11, 10), "2026-11-10", []),
    ],
)
def test_a_bill_that_registers_ends_before_the_65th_birthday(
    born: date, at: str, expected: list[str]
) -> None:
    found = billable(at=at, born=born)

    assert [each[1] for each in offers(found)] == expected
    assert found.not_billable is (None if expected else NotBillable.OVER_AGE)


def test_a_member_with_an_open_registration_may_go_on_at_65() -> None:
    found = billable(pay("2026-09-05", "2026-09"), at="2026-11-20", born=date(1961, 11, 10))

    assert offers(found) == [("2026-10", "2027-01-01T00:00", 24)]


def test_a_known_ending_caps_months_and_instant() -> None:
    ending = Ending(date(2026, 12, 16), EndReason.CHOICE)

    found = billable(pay("2026-09-05", "2026-09"), at="2026-10-05", endings=(ending,))

    assert offers(found) == [("2026-10", "2026-12-16T00:00", 3)]


@pytest.mark.parametrize(
    ("ended_on", "months"),
    [
        ("2026-11-11", 1),
        ("2026-12-01", 1),
        ("2026-12-20", 2),
        ("2027-02-10", 4),
        ("2027-05-01", 6),
        ("2027-10-01", 11),
    ],
)
def test_an_ending_after_the_present_lapse_caps_the_months_too(ended_on: str, months: int) -> None:
    ending = Ending(date.fromisoformat(ended_on), EndReason.CHOICE)
    paid = pay("2026-10-05", "2026-10")

    (offer,) = billable(paid, at="2026-11-10", endings=(ending,)).offers

    assert (str(offer.months[0]), len(offer.months)) == ("2026-11", months)
    assert offer.pay_before <= moment(ended_on)


@pytest.mark.parametrize(
    ("ended_on", "expected"),
    [
        ("2026-11-11", [("2026-11", "2026-11-11T00:00", 1)]),
        ("2026-12-01", [("2026-11", "2026-12-01T00:00", 1)]),
        ("2026-12-02", [("2026-11", "2026-12-01T00:00", 2), ("2026-12", "2026-12-02T00:00", 1)]),
        ("2027-03-01", [("2026-11", "2026-12-01T00:00", 4), ("2026-12", "2027-01-01T00:00", 3)]),
        ("2026-11-10", [("2026-11", "2026-12-01T00:00", 24), ("2026-12", "2027-01-01T00:00", 24)]),
    ],
)
@pytest.mark.parametrize("allocations", [[], [pay("2026-02-05", "2026-02")]])
def test_a_known_ending_caps_a_bill_that_opens_a_registration(
    ended_on: str, expected: list[tuple[str, str, int]], allocations: list[Allocation]
) -> None:
    ending = Ending(date.fromisoformat(ended_on), EndReason.CHOICE)

    assert offers(billable(*allocations, at="2026-11-10", endings=(ending,))) == expected


def test_the_earliest_of_several_known_endings_caps_a_bill_that_opens_a_registration() -> None:
    endings = tuple(
        Ending(date.fromisoformat(day), EndReason.STOPPED_WORKING)
        for day in ("2026-10-01", "2027-02-01", "2026-12-20")
    )

    found = billable(at="2026-11-10", endings=endings)

    assert offers(found) == [
        ("2026-11", "2026-12-01T00:00", 2),
        ("2026-12", "2026-12-20T00:00", 1),
    ]


def test_with_little_left_of_the_month_a_known_ending_leaves_only_that_month() -> None:
    ending = Ending(date(2026, 12, 1), EndReason.CHOICE)

    assert offers(billable(at="2026-11-30T23:00", endings=(ending,))) == [
        ("2026-11", "2026-12-01T00:00", 1)
    ]


def test_nothing_is_offered_for_the_dead() -> None:
    ending = Ending(date(2026, 10, 11), EndReason.DEATH)

    found = billable(pay("2026-09-05", "2026-09"), at="2026-10-12", endings=(ending,))

    assert (found.offers, found.not_billable) == ((), NotBillable.DECEASED)


# Found on an earlier version, each with the right value.


def test_enrolled_in_september_and_never_paid_only_november_or_december_are_billable() -> None:
    assert [each[0] for each in offers(billable(at="2026-11-10"))] == ["2026-11", "2026-12"]


def test_july_is_not_billable_after_january() -> None:
    assert offers(billable(pay("2026-01-06", "2026-01"), at="2026-01-06T12:00"))[0][0] == "2026-02"
