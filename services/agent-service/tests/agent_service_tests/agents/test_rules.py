from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.agents import rules
from agent_service.agents.rules import (
    FOR_CAUSE,
    AgentState,
    DismissalReason,
    Person,
    SuspensionReason,
)
from perisai_kit.domain.ids import new_id

S = AgentState


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (S.ACTIVE, {S.SUSPENDED, S.DISMISSED}),
        (S.SUSPENDED, {S.ACTIVE, S.DISMISSED}),
        (S.DISMISSED, set()),
    ],
)
def test_a_dismissal_is_final(state: AgentState, allowed: set[AgentState]) -> None:
    for to in AgentState:
        if to in allowed:
            rules.check_next(state, to)
        else:
            with pytest.raises(rules.AgentStateConflict):
                rules.check_next(state, to)


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
    assert rules.months_later(day, months) == later


@pytest.mark.parametrize("reason", sorted(SuspensionReason))
def test_only_inactivity_has_a_wait(reason: SuspensionReason) -> None:
    # docs/domain.md, Deactivation (S5, S20): not before 6 months.
    first = rules.reinstatement_from(reason, date(2026, 5, 4), 6)

    assert first == (date(2026, 11, 4) if reason is SuspensionReason.INACTIVITY else None)


def test_the_first_day_of_the_wait_is_over_counts() -> None:
    rules.check_reinstatement(date(2026, 11, 4), date(2026, 11, 4))
    rules.check_reinstatement(None, date(2026, 1, 1))

    with pytest.raises(rules.ReinstatementTooEarly) as refused:
        rules.check_reinstatement(date(2026, 11, 4), date(2026, 11, 3))

    assert refused.value.details == {"not_before": "2026-11-04"}


def test_nobody_decides_about_himself_under_any_of_his_accounts() -> None:
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


@pytest.mark.parametrize("reason", sorted(DismissalReason))
def test_only_a_dismissal_for_cause_keeps_somebody_out(reason: DismissalReason) -> None:
    blocked = rules.blocks_new_registration(S.DISMISSED, reason.value)

    assert blocked is (reason in FOR_CAUSE)


@pytest.mark.parametrize("state", [S.ACTIVE, S.SUSPENDED])
def test_an_agent_is_not_registered_anew(state: AgentState) -> None:
    assert rules.blocks_new_registration(state, None)


@pytest.mark.parametrize(("digits", "digit"), [("7992739871", 3), ("000001", 8), ("000000", 0)])
def test_the_check_digit_is_luhns(digits: str, digit: int) -> None:
    assert rules.check_digit(digits) == digit


@given(st.integers(1, 999_999), st.integers(0, 6), st.integers(1, 9))
def test_one_wrong_digit_of_a_code_is_noticed(number: int, place: int, by: int) -> None:
    digits = rules.agent_code(number).removeprefix("PRS-")

    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]

    assert rules.check_digit(digits[:-1]) == int(digits[-1])
    assert rules.check_digit(wrong[:-1]) != int(wrong[-1])


def test_codes_are_of_one_length() -> None:
    assert [rules.agent_code(number) for number in (1, 999_999)] == ["PRS-0000018", "PRS-9999996"]


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
        bank_code="009",
        account_no="1234567890",
        account_holder_name="Siti Aminah",
        assignment_letter_number=None,
    )

    assert "Siti" not in repr(appointment)
    assert "3510" not in repr(appointment)
