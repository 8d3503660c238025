from datetime import UTC, date, datetime

import pytest

from member_service.declarations import rules

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def test_only_a_person_who_works_may_declare_it() -> None:
    found = rules.find_work_problems(working=False, declared_on=TODAY, now=NOON, within="work.")

    assert [(problem.code, problem.field) for problem in found] == [("not_working", "work.working")]


@pytest.mark.parametrize(
    ("now", "latest"),
    [
        ("2026-11-22T21:49+07:00", 22),  # 23:49 in Jayapura
        ("2026-11-22T21:50+07:00", 23),  # ten minutes to midnight there: its clock may be ahead
        ("2026-11-22T22:30+07:00", 23),  # 00:30 in Jayapura
        ("2026-11-23T00:30+07:00", 23),
    ],
)
def test_the_latest_civil_day_of_indonesia_may_be_declared(now: str, latest: int) -> None:
    at = datetime.fromisoformat(now)

    def codes(day: int) -> list[str]:
        declared_on = date(2026, 11, day)
        found = rules.find_work_problems(working=True, declared_on=declared_on, now=at)
        return [problem.code for problem in found]

    assert codes(latest) == []
    assert codes(latest + 1) == ["declared_in_future"]
