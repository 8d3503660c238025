"""Registrations that payments make: one test for each line of the model."""

from datetime import date

import pytest
from member_service_tests.registrations.payments import declare, judge, moment, months, pay

from member_service.registrations.rules import (
    Ending,
    EndReason,
    History,
    RegistrationKind,
)

# By the model: began, first month, first day outside.
Seen = list[tuple[str, str, str]]


def seen(history: History) -> Seen:
    return [
        (str(each.began_on), str(each.first_month), str(each.ends_on))
        for each in history.registrations
    ]


def declined(history: History) -> list[str | None]:
    """Return why each allocation was declined, in the order of their ids."""
    return [answer.declined for _, answer in sorted(history.answers.items())]


def test_the_case_of_serang_is_out_on_the_first_of_the_fifth_month() -> None:
    history = judge(pay("2024-03-04", "2024-03"), pay("2024-07-09", "2024-07"))

    assert seen(history) == [
        ("2024-03-04", "2024-03", "2024-07-01"),
        ("2024-07-09", "2024-07", "2024-11-01"),
    ]
    assert [each.kind for each in history.registrations] == [
        RegistrationKind.FIRST,
        RegistrationKind.RETURN,
    ]


def test_nobody_is_registered_without_a_payment() -> None:
    assert judge().registrations == ()


@pytest.mark.parametrize("first_month", ["2026-09", "2026-10"])
def test_a_registration_begins_on_the_day_of_payment_with_that_month_or_the_next(
    first_month: str,
) -> None:
    history = judge(pay("2026-09-05T23:59", first_month))

    assert seen(history)[0][:2] == ("2026-09-05", first_month)


@pytest.mark.parametrize("month", ["2026-08", "2026-11"])
def test_no_other_month_opens_a_registration(month: str) -> None:
    history = judge(pay("2026-09-05", month))

    assert (seen(history), declined(history)) == ([], ["no_registration"])


def test_the_day_of_a_payment_is_the_day_in_jakarta() -> None:
    late_in_utc = judge(pay("2026-10-01T00:30", "2026-10"))

    assert seen(late_in_utc)[0][0] == "2026-10-01"
    assert late_in_utc.registrations[0].began_at.utctimetuple().tm_mday == 30


def test_the_month_of_the_beginning_may_still_become_the_first_month() -> None:
    history = judge(pay("2026-09-05", "2026-10"), pay("2026-09-06", "2026-09"))

    assert seen(history) == [("2026-09-05", "2026-09", "2027-02-01")]
    assert history.registrations[0].covers_from == moment("2026-09-06")


def test_it_may_not_after_the_end_of_that_month() -> None:
    history = judge(pay("2026-09-05", "2026-10", key=1), pay("2026-10-01T00:00", "2026-09", key=2))

    assert seen(history)[0][1] == "2026-10"
    assert declined(history) == [None, "before_first_month"]


def test_it_may_only_alone() -> None:
    history = judge(
        pay("2026-09-05", "2026-10", key=1), pay("2026-09-06", "2026-09", "2026-11", key=2)
    )

    assert declined(history) == [None, "before_first_month"]


def test_a_registration_that_began_with_its_own_month_takes_no_earlier_one() -> None:
    history = judge(pay("2026-09-05", "2026-09", key=1), pay("2026-09-06", "2026-08", key=2))

    assert declined(history) == [None, "before_first_month"]


def test_arrears_paid_before_the_lapse_keep_the_registration() -> None:
    history = judge(
        pay("2024-03-04", "2024-03"),
        pay("2024-06-30T23:59", "2024-04", "2024-05", "2024-06"),
    )

    assert seen(history) == [("2024-03-04", "2024-03", "2024-10-01")]


def test_arrears_paid_after_the_lapse_are_declined() -> None:
    history = judge(pay("2024-03-04", "2024-03", key=1), pay("2024-07-01T00:00", "2024-04", key=2))

    assert seen(history) == [("2024-03-04", "2024-03", "2024-07-01")]
    assert declined(history) == [None, "no_registration"]


def test_the_limit_of_three_counts_months_in_a_row() -> None:
    history = judge(
        pay("2024-03-04", "2024-03"),
        pay("2024-05-20", "2024-04"),
        pay("2024-07-31T23:59", "2024-05", "2024-06", "2024-07"),
    )

    assert seen(history) == [("2024-03-04", "2024-03", "2024-11-01")]


def test_a_hole_that_a_reversal_leaves_is_accepted() -> None:
    # February was paid too, and reversed by the bank.
    history = judge(pay("2026-01-05", "2026-01", key=1), pay("2026-03-05", "2026-03", key=3))

    assert declined(history) == [None, None]
    assert seen(history) == [("2026-01-05", "2026-01", "2026-07-01")]


def test_months_behind_a_lapse_are_withdrawn_a_day_after_it() -> None:
    # The bank has reversed February to June.
    prepaid = [pay("2026-01-05", "2026-01", key=1), pay("2026-01-06", "2026-07", key=2)]

    on_the_day = judge(*prepaid, known_on=date(2026, 5, 1))
    a_day_later = judge(*prepaid, known_on=date(2026, 5, 2))

    assert [answer.withdrawn for answer in on_the_day.answers.values()] == [(), ()]
    assert [answer.withdrawn for answer in a_day_later.answers.values()] == [(), months("2026-07")]
    assert set(a_day_later.registrations[0].paid) == set(months("2026-01"))


def test_no_month_passes_into_another_registration() -> None:
    history = judge(
        pay("2026-01-05", "2026-01"),
        pay("2026-01-06", "2026-07"),
        pay("2026-06-10", "2026-06"),
    )

    assert [sorted(each.paid) for each in history.registrations] == [
        [*months("2026-01")],
        [*months("2026-06")],
    ]


def test_paid_is_per_registration() -> None:
    history = judge(
        pay("2026-01-05", "2026-01", "2026-06", key=1), pay("2026-06-10", "2026-06", key=2)
    )

    assert declined(history) == [None, None]
    assert set(history.registrations[1].paid) == set(months("2026-06"))


def test_an_allocation_is_declined_whole_when_one_of_its_months_is_paid() -> None:
    history = judge(
        pay("2026-01-05", "2026-01", key=1), pay("2026-01-06", "2026-01", "2026-02", key=2)
    )

    assert declined(history) == [None, "month_paid"]
    assert set(history.registrations[0].paid) == set(months("2026-01"))


def test_of_two_for_the_same_month_the_earlier_one_counts_and_of_two_at_once_the_smaller_id() -> (
    None
):
    known_late = judge(pay("2026-01-06", "2026-01", key=1), pay("2026-01-05", "2026-01", key=2))
    at_once = judge(pay("2026-01-05", "2026-01", key=2), pay("2026-01-05", "2026-01", key=1))

    assert declined(known_late) == ["month_paid", None]
    assert declined(at_once) == [None, "month_paid"]


def test_a_late_fact_moves_a_beginning() -> None:
    known = pay("2026-02-03", "2026-02", key=1)
    late = pay("2026-01-28", "2026-01", key=2)

    assert seen(judge(known)) == [("2026-02-03", "2026-02", "2026-06-01")]
    assert seen(judge(known, late)) == [("2026-01-28", "2026-01", "2026-06-01")]


def test_a_late_fact_removes_a_lapse_and_merges_two_registrations() -> None:
    first, back = pay("2024-03-04", "2024-03", key=1), pay("2024-07-09", "2024-07", key=2)
    late = pay("2024-06-30", "2024-04", "2024-05", "2024-06", key=3)

    assert len(judge(first, back).registrations) == 2
    merged = judge(first, back, late)

    assert seen(merged) == [("2024-03-04", "2024-03", "2024-11-01")]
    assert merged.registrations[0].opened_by == first.id


def test_an_opening_needs_a_declaration_of_at_most_30_days() -> None:
    bill = pay("2026-09-05", "2026-09", issued="2026-09-04")

    fresh = judge(bill, declarations=[declare("2026-08-05")])
    old = judge(bill, declarations=[declare("2026-08-04")])
    after_the_bill = judge(bill, declarations=[declare("2026-09-04", made="2026-09-04T10:00")])

    assert (declined(fresh), declined(old)) == ([None], ["not_declared"])
    assert declined(after_the_bill) == ["not_declared"]


def test_an_opening_that_a_late_fact_creates_without_a_declaration_is_declined() -> None:
    # The bill was issued inside a registration that a reversal of the bank removed.
    first = pay("2026-09-05", "2026-09", key=1)
    second = pay("2026-10-05", "2026-10", key=2)
    declared = [declare("2026-09-04")]

    assert declined(judge(first, second, declarations=declared)) == [None, None]
    assert declined(judge(second, declarations=declared)) == ["not_declared"]


@pytest.mark.parametrize(
    ("born", "at", "expected"),
    [
        (date(1961, 9, 6), "2026-09-05T23:59", None),
        (date(1961, 9, 6), "2026-09-06T00:00", "over_age"),
        (date(1960, 2, 29), "2025-02-28T23:59", None),
        (date(1960, 2, 29), "2025-03-01T00:00", "over_age"),
    ],
)
def test_a_person_of_65_is_not_registered_and_a_leap_day_birthday_counts_on_1_march(
    born: date, at: str, expected: str | None
) -> None:
    assert declined(judge(pay(at, at[:7]), born=born)) == [expected]


def test_at_65_an_open_registration_goes_on_and_a_lapsed_one_does_not_return() -> None:
    born = date(1961, 9, 6)
    first = pay("2026-08-05", "2026-08", key=1)

    assert declined(judge(first, pay("2026-10-05", "2026-09", key=2), born=born)) == [None, None]
    back = pay("2027-01-05", "2027-01", key=2)
    assert declined(judge(first, back, born=born)) == [None, "over_age"]


def test_a_death_ends_cover_after_its_day_and_withdraws_the_months_behind_it() -> None:
    # Death on 10 October: the first day outside is the 11th.
    ending = Ending(date(2026, 10, 11), EndReason.DEATH)
    paid = pay("2026-09-05", "2026-09", "2026-10", "2026-11", key=1)
    after = pay("2026-10-12", "2026-12", key=2)

    history = judge(paid, after, endings=[ending])

    assert seen(history) == [("2026-09-05", "2026-09", "2026-10-11")]
    assert history.registrations[0].end_reason is EndReason.DEATH
    assert history.answers[paid.id].months == months("2026-09", "2026-10")
    assert history.answers[paid.id].withdrawn == months("2026-11")
    assert history.answers[after.id].declined == "deceased"


def test_a_known_future_ending_withdraws_nothing_before_its_day() -> None:
    ending = Ending(date(2026, 10, 1), EndReason.CHOICE)
    paid = pay("2026-09-05", "2026-09", "2026-10", key=1)

    before = judge(paid, endings=[ending], known_on=date(2026, 9, 30))
    on_the_day = judge(paid, endings=[ending], known_on=date(2026, 10, 1))

    assert before.answers[paid.id].withdrawn == ()
    assert on_the_day.answers[paid.id].withdrawn == months("2026-10")


def test_a_registration_without_any_month_left_does_not_exist() -> None:
    # Paid on 5 September for October, and ended before October began.
    ending = Ending(date(2026, 9, 20), EndReason.CHOICE)

    history = judge(
        pay("2026-09-05", "2026-10", key=1),
        pay("2026-09-25", "2026-10", key=2),
        endings=[ending],
    )

    assert seen(history) == [("2026-09-25", "2026-10", "2027-02-01")]
    assert history.registrations[0].kind is RegistrationKind.FIRST


def test_after_an_ending_by_choice_a_payment_returns() -> None:
    ending = Ending(date(2026, 10, 1), EndReason.STOPPED_WORKING)

    history = judge(pay("2026-09-05", "2026-09"), pay("2026-10-20", "2026-10"), endings=[ending])

    assert [each.kind for each in history.registrations] == [
        RegistrationKind.FIRST,
        RegistrationKind.RETURN,
    ]


@pytest.mark.parametrize(
    "ended_on", [date(2026, 9, 1), date(2026, 9, 5), date(2027, 1, 2)], ids=str
)
def test_an_ending_outside_a_registration_ends_nothing(ended_on: date) -> None:
    history = judge(pay("2026-09-05", "2026-09"), endings=[Ending(ended_on, EndReason.CLAIM)])

    assert history.registrations[0].end_reason is EndReason.LAPSED


# Found on an earlier version, each with the right value.


def test_january_and_july_paid_together_protect_july_only_if_the_months_between_are_paid() -> None:
    history = judge(pay("2026-01-06", "2026-01", "2026-07"), known_on=date(2026, 7, 2))

    assert set(history.registrations[0].paid) == set(months("2026-01"))


def test_old_months_paid_after_a_return_are_declined() -> None:
    # September paid, lapsed on 1 January, back on 10 February; in March December and January.
    history = judge(
        pay("2026-09-05", "2026-09", key=1),
        pay("2027-02-10", "2027-02", key=2),
        pay("2027-03-05", "2026-12", "2027-01", key=3),
    )

    assert declined(history) == [None, None, "before_first_month"]


def test_october_paid_on_2_january_after_the_lapse_pays_nothing() -> None:
    history = judge(
        pay("2026-09-05", "2026-09", key=1),
        pay("2027-01-02", "2026-10", issued="2026-12-30", key=2),
    )

    assert seen(history) == [("2026-09-05", "2026-09", "2027-01-01")]
    assert declined(history) == [None, "no_registration"]
