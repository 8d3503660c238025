from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.agents import rules
from agent_service.agents.rules import (
    FOR_CAUSE,
    AgentRecord,
    AgentStatus,
    Decision,
    DismissalReason,
    Person,
    SuspensionReason,
)
from perisai_kit.domain.ids import new_id

S = AgentStatus


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (S.ACTIVE, {S.SUSPENDED, S.DISMISSED}),
        (S.SUSPENDED, {S.ACTIVE, S.DISMISSED}),
        (S.DISMISSED, set()),
    ],
)
def test_a_dismissal_is_final(status: AgentStatus, allowed: set[AgentStatus]) -> None:
    for to in AgentStatus:
        if to in allowed:
            rules.check_next(status, to)
        else:
            with pytest.raises(rules.AgentStatusConflict):
                rules.check_next(status, to)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 15), 6, date(2026, 7, 15)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 11, 22), 0, date(2026, 11, 22)),
    ],
)
def test_months_later_is_the_same_day_or_the_months_last(
    day: date, months: int, later: date
) -> None:
    assert rules.add_months(day, months) == later


@pytest.mark.parametrize("reason", sorted(SuspensionReason))
def test_only_inactivity_has_a_wait(reason: SuspensionReason) -> None:
    # docs/domain.md, Deactivation (S5, S20): not before 6 months.
    first = rules.find_reinstatement_day(reason, date(2026, 5, 4), 6)

    assert first == (date(2026, 11, 4) if reason is SuspensionReason.INACTIVITY else None)


def record(
    status: AgentStatus = S.DISMISSED,
    reason_code: str | None = "resignation",
    not_before: date | None = None,
) -> AgentRecord:
    return AgentRecord(new_id(), status, reason_code, not_before)


def test_a_person_waits_for_the_end_of_every_wait() -> None:
    waiting = [record(not_before=date(2026, 11, 4)), record(), record(not_before=date(2026, 2, 1))]
    rules.check_wait(waiting, date(2026, 11, 4))
    rules.check_wait([record()], date(2026, 1, 1))

    with pytest.raises(rules.ReinstatementTooEarly) as refused:
        rules.check_new_registration(waiting, date(2026, 11, 3))

    assert refused.value.details == {"not_before": "2026-11-04"}


def test_a_later_suspension_does_not_shorten_a_wait() -> None:
    first, second = date(2026, 7, 1), date(2026, 9, 1)

    assert rules.find_later(first, None) == first
    assert rules.find_later(None, second) == second
    assert rules.find_later(second, first) == second
    assert rules.find_later(None, None) is None


def decisions(*entries: tuple[str, AgentStatus]) -> list[Decision]:
    return [Decision(datetime.fromisoformat(at), status) for at, status in entries]


def days_at_work(history: list[Decision], first: date, days: int) -> list[date]:
    asked = [first + timedelta(days=offset) for offset in range(days)]
    return [day for day in asked if rules.is_at_work(history, day)]


def test_the_day_of_a_suspension_and_of_a_reinstatement_count_as_work() -> None:
    history = decisions(
        ("2026-11-02T09:00+07:00", S.ACTIVE),
        ("2026-11-04T00:00+07:00", S.SUSPENDED),
        ("2026-11-06T23:59+07:00", S.ACTIVE),
        ("2026-11-07T00:01+07:00", S.DISMISSED),
    )

    found = days_at_work(history, date(2026, 11, 1), 10)

    assert [day.day for day in found] == [2, 3, 4, 6, 7]


def test_a_day_on_which_an_agent_comes_back_and_leaves_again_counts() -> None:
    history = decisions(
        ("2026-11-01T09:00+07:00", S.ACTIVE),
        ("2026-11-01T10:00+07:00", S.SUSPENDED),
        ("2026-11-05T09:00+07:00", S.ACTIVE),
        ("2026-11-05T10:00+07:00", S.SUSPENDED),
    )

    assert [day.day for day in days_at_work(history, date(2026, 11, 1), 9)] == [1, 5]
    assert not rules.is_at_work([], date(2026, 11, 1))


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(list(S))), max_size=8))
def test_an_agent_is_at_work_on_every_day_touched_by_time_in_office(
    entries: list[tuple[int, AgentStatus]],
) -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    history = [Decision(begin + timedelta(hours=at), status) for at, status in sorted(entries)]
    spans = [(one.decided_at, two.decided_at) for one, two in pairwise(history)
             if one.status is S.ACTIVE]  # fmt: skip
    if history and history[-1].status is S.ACTIVE:
        spans.append((history[-1].decided_at, begin + timedelta(days=40)))
    touched = {
        (since + timedelta(hours=7 + hour)).date()
        for since, until in spans
        for hour in range(int((until - since) / timedelta(hours=1)) + 1)
    }

    for offset in range(25):
        day = date(2026, 11, 1) + timedelta(days=offset)
        # A suspension at 00:00 sharp still has its day.
        assert rules.is_at_work(history, day) is (day in touched)


def test_officers_do_not_decide_about_themselves_under_any_account() -> None:
    account, member, agent = new_id(), new_id(), new_id()
    subject = Person(account, frozenset({member}), agent)
    others = Person(new_id(), frozenset({new_id()}), new_id())
    rules.check_not_own(subject, by=others)
    rules.check_not_own(Person(account), by=Person(new_id()))

    for by in (
        Person(account),
        Person(new_id(), frozenset({member})),
        Person(new_id(), agent_id=agent),
    ):
        with pytest.raises(rules.OwnCase):
            rules.check_not_own(subject, by=by)


def is_barred(found: AgentRecord) -> bool:
    try:
        rules.check_new_registration([record(), found], date(2026, 11, 1))
    except rules.AgentExists:
        return True
    return False


@pytest.mark.parametrize("reason", sorted(DismissalReason))
def test_only_a_dismissal_for_cause_bars_a_person(reason: DismissalReason) -> None:
    assert is_barred(record(S.DISMISSED, reason.value)) is (reason in FOR_CAUSE)


@pytest.mark.parametrize("status", [S.ACTIVE, S.SUSPENDED])
def test_an_agent_is_not_registered_again(status: AgentStatus) -> None:
    assert is_barred(record(status, None))


@pytest.mark.parametrize(("digits", "digit"), [("7992739871", 3), ("000001", 8), ("000000", 0)])
def test_the_check_digit_is_luhns(digits: str, digit: int) -> None:
    assert rules.check_digit(digits) == digit


@given(st.integers(1, 999_999), st.integers(0, 6), st.integers(1, 9))
def test_one_wrong_digit_of_a_code_is_detected(number: int, place: int, by: int) -> None:
    digits = rules.make_agent_code(number).removeprefix("PRS-")

    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]

    assert rules.check_digit(digits[:-1]) == int(digits[-1])
    assert rules.check_digit(wrong[:-1]) != int(wrong[-1])


def test_codes_are_of_one_length() -> None:
    assert [rules.make_agent_code(number) for number in (1, 999_999)] == [
        "PRS-0000018",
        "PRS-9999996",
    ]


def test_an_appointment_does_not_show_the_person() -> None:
    appointment = rules.Appointment(
        application_id=new_id(),
        account_id=new_id(),
        member_id=new_id(),
        wadah_id=new_id(),
        branch_code="BWI",
        region_code="JATIM",
        nik="3510111203900001",
        full_name="Siti Aminah",
        assignment_letter_number=None,
    )

    assert "Siti" not in repr(appointment)
    for digits in ("35101112", "03900001"):
        assert digits not in repr(appointment)
