"""Standing and cover at a moment."""

from datetime import date, timedelta
from random import Random

import pytest
from member_service_tests.registrations.histories import random_history
from member_service_tests.registrations.payments import judge, moment, months, pay

from member_service.allocations.rules import find_state
from member_service.coverage.rules import Cover, Coverage, find_coverage
from member_service.holidays.rules import Holidays, last_month_due
from member_service.members.rules import Standing, find_standing
from member_service.registrations.rules import Ending, EndReason, History, WaitingMonth
from perisai_kit.domain.jakarta import jakarta_date

OFF = Holidays({}, joint_leave=True)


def at(
    history: History, text: str, *, known: str = "2029-01-01", waiting: WaitingMonth | None = None
) -> Coverage:
    return find_coverage(
        history,
        at=moment(text),
        known_at=moment(known),
        off=OFF,
        waiting=waiting or WaitingMonth.OVER,
    )


def test_a_member_without_a_payment_is_not_covered() -> None:
    found = at(judge(), "2026-09-05")

    assert (found.standing, found.cover) == (Standing.REGISTERED_UNPAID, Cover.NOT_COVERED)
    assert found.jkm_benefit is None


def test_cover_begins_at_the_instant_of_the_first_payment() -> None:
    history = judge(pay("2026-09-05T10:00", "2026-09"))

    assert at(history, "2026-09-05T09:59").cover is Cover.NOT_COVERED
    assert at(history, "2026-09-05T10:00").cover is Cover.COVERED
    assert at(history, "2026-09-30T23:59").cover is Cover.COVERED


def test_before_the_first_month_a_member_is_active_and_not_covered() -> None:
    history = judge(pay("2026-09-05", "2026-10"))

    september, october = at(history, "2026-09-20"), at(history, "2026-10-01T00:00")

    assert (september.standing, september.cover) == (Standing.ACTIVE, Cover.NOT_COVERED)
    assert (october.standing, october.cover) == (Standing.ACTIVE, Cover.COVERED)


def test_the_month_of_the_beginning_paid_later_covers_from_its_payment() -> None:
    history = judge(pay("2026-09-05", "2026-10"), pay("2026-09-06", "2026-09"))

    assert at(history, "2026-09-05T12:00").cover is Cover.NOT_COVERED
    assert at(history, "2026-09-06").cover is Cover.COVERED


def test_a_month_paid_late_covers_back_to_its_first_day() -> None:
    history = judge(pay("2026-09-05", "2026-09"), pay("2026-12-20", "2026-10", "2026-11"))

    assert at(history, "2026-10-01T00:00").cover is Cover.COVERED
    now = at(history, "2026-12-20", known="2026-12-20")
    assert now.cover is Cover.COVERED_IF_PAID


def test_what_is_not_paid_yet_may_be_covered_if_paid_while_the_registration_is_open() -> None:
    history = judge(pay("2026-09-05", "2026-09"))

    found = at(history, "2026-11-20", known="2026-12-31T23:59")
    too_late = at(history, "2026-11-20", known="2027-01-01T00:00")

    assert found.cover is Cover.COVERED_IF_PAID
    assert found.if_paid is not None
    assert found.if_paid.months == months("2026-10", "2026-11")
    assert found.if_paid.pay_before == moment("2027-01-01T00:00")
    assert (too_late.cover, too_late.if_paid) == (Cover.NOT_COVERED, None)


def test_a_moment_after_the_end_is_not_covered_whatever_is_paid() -> None:
    history = judge(pay("2026-09-05", "2026-09"))

    found = at(history, "2027-01-01T00:00", known="2026-12-01")

    assert (found.standing, found.cover) == (Standing.LAPSED, Cover.NOT_COVERED)


def test_the_day_of_a_death_is_the_last_day_inside() -> None:
    ending = Ending(date(2026, 10, 11), EndReason.DEATH)
    history = judge(pay("2026-09-05", "2026-09", "2026-10"), endings=[ending])

    assert at(history, "2026-10-10T23:59").cover is Cover.COVERED
    after = at(history, "2026-10-11T00:00")
    assert (after.standing, after.cover) == (Standing.ENDED, Cover.NOT_COVERED)


@pytest.mark.parametrize(
    ("on", "expected", "unpaid"),
    [
        ("2024-03-31", Standing.ACTIVE, ()),
        ("2024-04-16", Standing.ACTIVE, ()),
        ("2024-04-17", Standing.GRACE, ("2024-04",)),
        ("2024-05-31", Standing.GRACE, ("2024-04", "2024-05")),
        ("2024-06-30", Standing.GRACE, ("2024-04", "2024-05", "2024-06")),
        ("2024-07-01", Standing.LAPSED, ("2024-04", "2024-05", "2024-06")),
    ],
)
def test_the_standings_of_the_case_of_serang(
    on: str, expected: Standing, unpaid: tuple[str, ...]
) -> None:
    # 15 April 2024 was a day of joint leave, so April was due on the 16th.
    found = at(judge(pay("2024-03-04", "2024-03")), on)

    assert (found.standing, found.unpaid_months) == (expected, months(*unpaid))


def test_after_an_end_nothing_is_due() -> None:
    found = at(judge(pay("2024-03-04", "2024-03")), "2024-09-01")

    assert (found.next_due_on, found.if_paid) == (None, None)


def test_the_first_unpaid_month_is_due_next() -> None:
    history = judge(pay("2026-06-05", "2026-06", "2026-07"))

    assert at(history, "2026-07-20").next_due_on == date(2026, 8, 18)


@pytest.mark.parametrize(
    ("on", "waiting", "expected"),
    [
        ("2026-11-30", WaitingMonth.OVER, (2, 10_000_000)),
        ("2026-12-01", WaitingMonth.OVER, (3, 42_000_000)),
        ("2026-10-31", WaitingMonth.BEGUN, (2, 10_000_000)),
        ("2026-11-01", WaitingMonth.BEGUN, (3, 42_000_000)),
    ],
)
def test_the_full_death_benefit_needs_three_months_in_a_row_that_are_over(
    on: str, waiting: WaitingMonth, expected: tuple[int, int]
) -> None:
    history = judge(pay("2026-09-05", "2026-09", "2026-10", "2026-11", "2026-12"))

    found = at(history, on, waiting=waiting)

    assert (found.consecutive_months, found.jkm_benefit) == expected


def test_old_months_do_not_shorten_the_waiting_period() -> None:
    # Enrolled on 5 September, nothing paid; on 10 November September to November.
    history = judge(pay("2026-11-10", "2026-09", "2026-10", "2026-11"))

    assert at(history, "2026-11-10").cover is Cover.NOT_COVERED


def test_a_later_unpaid_month_does_not_restart_the_waiting_period() -> None:
    history = judge(
        pay("2026-01-05", "2026-01", "2026-02", "2026-03"), pay("2026-05-05", "2026-05")
    )

    assert at(history, "2026-05-20").jkm_benefit == 42_000_000


def test_the_waiting_period_begins_again_after_a_return() -> None:
    history = judge(
        pay("2026-01-05", "2026-01", "2026-02", "2026-03"), pay("2026-08-05", "2026-08")
    )

    assert at(history, "2026-09-01").consecutive_months == 1
    assert at(history, "2026-08-20").jkm_benefit == 10_000_000


def test_a_member_without_cover_is_shown_no_benefit() -> None:
    history = judge(pay("2026-01-05", "2026-01", "2026-02", "2026-03"))

    assert at(history, "2026-03-31").jkm_benefit == 10_000_000
    assert at(history, "2026-04-10").jkm_benefit is None
    assert at(history, "2026-08-01").jkm_benefit is None


def test_the_stored_state_agrees_with_the_whole_history() -> None:
    for seed in range(200):
        chance = Random(seed)
        case = random_history(chance)
        history = case.judged()
        if not history.registrations:
            continue
        last = history.registrations[-1]
        moment_ = last.began_at + timedelta(minutes=chance.randrange(300 * 1440))
        on = jakarta_date(moment_)
        kept = find_standing(find_state(last), on=on, last_due=last_month_due(on, OFF))
        found = find_coverage(
            history, at=moment_, known_at=moment_, off=OFF, waiting=WaitingMonth.OVER
        )
        assert kept is found.standing, f"seed {seed}"
