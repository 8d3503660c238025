from datetime import date, timedelta

from member_service.declarations import rules

TODAY = date(2026, 11, 22)


def test_only_somebody_who_works_may_declare_it() -> None:
    found = rules.work_problems(working=False, declared_on=TODAY, on=TODAY, within="work.")

    assert [(problem.code, problem.field) for problem in found] == [("not_working", "work.working")]


def test_nothing_is_declared_ahead_of_its_day() -> None:
    tomorrow = TODAY + timedelta(days=1)

    found = rules.work_problems(working=True, declared_on=tomorrow, on=TODAY)

    assert [problem.code for problem in found] == ["declared_in_future"]
