from datetime import UTC, date, datetime

import pytest

from perisai_kit.domain.at_work import is_at_work

BEGAN = (datetime(2026, 9, 1, 3, tzinfo=UTC), True)


def at(day: int, *, to_work: bool, hour: int = 3) -> tuple[datetime, bool]:
    return datetime(2026, 10, day, hour, tzinfo=UTC), to_work


@pytest.mark.parametrize(
    ("decisions", "day", "expected"),
    [
        ([], 1, False),
        ([at(15, to_work=False)], 15, True),
        ([at(15, to_work=False)], 16, False),
        # 17:00 UTC is the next day in Jakarta.
        ([at(15, to_work=False, hour=17)], 16, True),
        ([at(10, to_work=False), at(15, to_work=True)], 14, False),
        ([at(15, to_work=True), at(10, to_work=False)], 15, True),
        ([at(15, to_work=False), at(15, to_work=True)], 16, False),
        ([at(15, to_work=True), at(15, to_work=False)], 16, False),
    ],
)
def test_an_agent_is_at_work_by_the_decisions_on_days_of_jakarta(
    decisions: list[tuple[datetime, bool]], day: int, expected: bool
) -> None:
    known = [BEGAN, *decisions] if decisions else []

    assert is_at_work(known, date(2026, 10, day)) is expected
