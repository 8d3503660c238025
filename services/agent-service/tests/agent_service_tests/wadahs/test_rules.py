from datetime import date

import pytest

from agent_service.agreements.rules import Period, Schemes, Terms
from agent_service.wadahs import rules
from agent_service.wadahs.rules import WadahStatus

# docs/domain.md, Becoming a Wadah (S7 2022): new 1 year and 5 agents, old 3 years and 3 agents.
SCHEMES = Schemes(
    new_from=date(2022, 4, 1),
    new=Terms(max_years=1, min_agents=5),
    old=Terms(max_years=3, min_agents=3),
)


@pytest.mark.parametrize(
    ("status", "day", "reason"),
    [
        (WadahStatus.REGISTERED, date(2026, 1, 1), None),
        (WadahStatus.REGISTERED, date(2026, 12, 31), None),
        (WadahStatus.REGISTERED, date(2025, 12, 31), "no_agreement_in_force"),
        (WadahStatus.REGISTERED, date(2027, 1, 1), "no_agreement_in_force"),
        (WadahStatus.TERMINATED, date(2026, 6, 1), "terminated"),
    ],
)
def test_a_wadah_is_active_only_while_an_agreement_covers_the_day(
    status: WadahStatus, day: date, reason: str | None
) -> None:
    agreements = [Period(date(2026, 1, 1), date(2026, 12, 31))]

    assert rules.find_inactive_reason(status, agreements, day) == reason


def test_without_any_agreement_a_wadah_is_not_active() -> None:
    with pytest.raises(rules.WadahNotActive) as refused:
        rules.check_active(WadahStatus.REGISTERED, [], date(2026, 1, 1))

    assert refused.value.details == {"reason": "no_agreement_in_force"}


@pytest.mark.parametrize(
    ("day", "agent_count", "minimum"),
    [(date(2026, 1, 1), 4, 5), (date(2026, 1, 1), 5, None), (date(2021, 1, 1), 3, None)],
)
def test_too_few_agents_are_a_warning(day: date, agent_count: int, minimum: int | None) -> None:
    found = rules.list_cautions(
        status=WadahStatus.REGISTERED,
        agreements=[Period(day, day)],
        agent_count=agent_count,
        on=day,
        schemes=SCHEMES,
    )

    assert [(each.code, each.minimum) for each in found] == (
        [("too_few_agents", minimum)] if minimum else []
    )


def test_a_terminated_wadah_has_no_warnings() -> None:
    found = rules.list_cautions(
        status=WadahStatus.TERMINATED,
        agreements=[],
        agent_count=0,
        on=date(2026, 1, 1),
        schemes=SCHEMES,
    )

    assert found == ()


def test_a_termination_is_final() -> None:
    rules.check_next(WadahStatus.REGISTERED, WadahStatus.TERMINATED)

    for to in WadahStatus:
        with pytest.raises(rules.WadahTerminated):
            rules.check_next(WadahStatus.TERMINATED, to)
