from datetime import date

import pytest

from agent_service.agent_wadahs.rules import WadahMoveStatus
from agent_service.agents.rules import AgentStatus
from agent_service.wadah_moves import rules
from agent_service.wadah_moves.rules import WadahMoveVerdict
from perisai_kit.domain.errors import DomainError

TODAY, FIRST_DAY = date(2026, 11, 29), date(2026, 12, 1)
APPROVED, REJECTED = WadahMoveVerdict.APPROVED, WadahMoveVerdict.REJECTED


@pytest.mark.parametrize("day", [date(2026, 12, 1), date(2027, 1, 1), date(2027, 11, 1)])
def test_a_move_begins_on_the_first_of_a_coming_month(day: date) -> None:
    rules.check_from_date(day, today=TODAY)


@pytest.mark.parametrize(
    "day",
    [date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 2), date(2027, 12, 1), date(2026, 1, 1)],
)
def test_another_first_day_is_refused_with_the_possible_ones(day: date) -> None:
    with pytest.raises(rules.WadahMoveFromDateInvalid) as refused:
        rules.check_from_date(day, today=TODAY)

    assert refused.value.details == {"earliest": "2026-12-01", "latest": "2027-11-01"}


def test_a_move_never_begins_today() -> None:
    with pytest.raises(rules.WadahMoveFromDateInvalid):
        rules.check_from_date(FIRST_DAY, today=FIRST_DAY)


@pytest.mark.parametrize("status", [AgentStatus.SUSPENDED, AgentStatus.DISMISSED])
def test_only_an_active_agent_moves(status: AgentStatus) -> None:
    rules.check_at_work(AgentStatus.ACTIVE)
    with pytest.raises(rules.AgentNotAtWork):
        rules.check_at_work(status)


@pytest.mark.parametrize(
    ("status", "verdict", "is_own", "today", "error"),
    [
        (WadahMoveStatus.PROPOSED, APPROVED, False, TODAY, None),
        (WadahMoveStatus.PROPOSED, REJECTED, True, TODAY, None),
        (WadahMoveStatus.PROPOSED, REJECTED, True, FIRST_DAY, None),
        (WadahMoveStatus.PROPOSED, APPROVED, True, TODAY, rules.OwnWadahMoveProposal),
        (WadahMoveStatus.PROPOSED, APPROVED, False, FIRST_DAY, rules.WadahMoveBegun),
        (WadahMoveStatus.APPROVED, REJECTED, False, TODAY, rules.WadahMoveDecided),
        (WadahMoveStatus.WITHDRAWN, APPROVED, False, TODAY, rules.WadahMoveDecided),
        (WadahMoveStatus.CANCELLED, APPROVED, False, TODAY, rules.WadahMoveDecided),
    ],
)
def test_another_person_decides_before_the_first_day(
    status: WadahMoveStatus,
    verdict: WadahMoveVerdict,
    is_own: bool,
    today: date,
    error: type[DomainError] | None,
) -> None:
    def decide() -> None:
        rules.check_decision(
            status, verdict=verdict, is_own=is_own, from_date=FIRST_DAY, today=today
        )

    if error is None:
        decide()
        return
    with pytest.raises(error):
        decide()


@pytest.mark.parametrize(
    ("status", "today", "error"),
    [
        (WadahMoveStatus.PROPOSED, TODAY, None),
        (WadahMoveStatus.PROPOSED, FIRST_DAY, None),
        (WadahMoveStatus.APPROVED, TODAY, None),
        (WadahMoveStatus.APPROVED, FIRST_DAY, rules.WadahMoveBegun),
        (WadahMoveStatus.REJECTED, TODAY, rules.WadahMoveDecided),
        (WadahMoveStatus.WITHDRAWN, TODAY, rules.WadahMoveDecided),
    ],
)
def test_a_move_is_withdrawn_before_it_begins(
    status: WadahMoveStatus, today: date, error: type[DomainError] | None
) -> None:
    if error is None:
        rules.check_withdrawal(status, from_date=FIRST_DAY, today=today)
        return
    with pytest.raises(error):
        rules.check_withdrawal(status, from_date=FIRST_DAY, today=today)
