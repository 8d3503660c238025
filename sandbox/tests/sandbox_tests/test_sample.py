"""The plan of the sample data: the same each time, and something of everything."""

from datetime import date

from sandbox.sample.offices import STEPS
from sandbox.sample.plan import OFFICER, make_plan, make_small_plan


def test_plan_is_the_same_each_time() -> None:
    assert make_plan() == make_plan()


def test_plan_has_sixty_members_of_three_agents_and_nobody_twice() -> None:
    plan = make_plan()
    of_agents = [each for each in plan.members if each.desk != OFFICER]

    assert len(of_agents) == 60
    assert {each.desk for each in of_agents} == {0, 1, 2}
    assert len(plan.agents) == 3
    for values in (
        {each.id for each in plan.members},
        {each.person.nik for each in plan.members},
        {each.person.phone for each in plan.members},
    ):
        assert len(values) == len(plan.members)


def test_plan_has_every_standing_under_a_name_and_every_state_of_an_application() -> None:
    plan = make_plan()
    named = {each.sign_in: each.history.standing for each in plan.members if each.sign_in}

    assert {each.status for each in plan.applications} == set(STEPS)
    assert {"active", "grace", "lapsed", "registered_unpaid"} <= set(named.values())
    assert {each.history.standing for each in plan.members} >= {*named.values(), "ended"}


def test_nobody_is_billed_before_enrolment_or_applies_before_it() -> None:
    plan = make_plan()

    for member in plan.members:
        assert all(bill.issued <= member.history.enrolled for bill in member.history.bills)
        assert member.history.enrolled <= plan.first_month
    for application in plan.applications:
        assert application.applied <= application.member.history.enrolled


def test_people_are_adults_below_the_age_limit_for_years() -> None:
    born = [each.person.birth_date for each in make_plan().members]

    assert max(born) < date(2006, 1, 1)
    assert min(born) > date(1965, 1, 1)


def test_small_plan_has_one_agent_and_one_member_and_no_history() -> None:
    plan = make_small_plan()

    assert [each.sign_in for each in plan.members] == ["agent", "member"]
    assert plan.agents == plan.members[:1]
    assert plan.first_month == 0
    assert not any(each.history.bills for each in plan.members)
