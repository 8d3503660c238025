"""The attribution of a member by day, compared with an oracle that judges day by day."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from member_service.attribution_periods.rules import (
    Agent,
    AttributionReason,
    Decision,
    DecisionKind,
    Place,
    judge_attributions,
    period_on,
)
from perisai_kit.domain.at_work import WadahMove
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

MEMBER = new_id()
BRANCH = Place(None, None, "banyuwangi", "jatim")
ENROLLED = date(2026, 9, 5)
FIRST, SECOND, THIRD = new_id(), new_id(), new_id()


def noon(day: date, hour: int = 5) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def place(agent_id: UUID | None) -> Place:
    if agent_id is None:
        return BRANCH
    return Place(agent_id, UUID(int=agent_id.int ^ 1), "banyuwangi", "jatim")


def decided(
    agent_id: UUID | None,
    from_date: date,
    *,
    at_once: bool = False,
    reason: AttributionReason = AttributionReason.BRANCH_DECISION,
    made_at: datetime | None = None,
) -> Decision:
    return Decision(
        new_id(), place(agent_id), from_date, at_once, reason, made_at or noon(ENROLLED)
    )


def enrolled(agent_id: UUID | None = FIRST) -> Decision:
    return decided(agent_id, ENROLLED, reason=AttributionReason.ENROLLED)


def agent(*decisions: tuple[datetime, DecisionKind], member_id: UUID | None = None) -> Agent:
    began = (noon(date(2020, 1, 1)), DecisionKind.ACTIVATED)
    return Agent(member_id or new_id(), [began, *decisions])


AT_WORK = {FIRST: agent(), SECOND: agent(), THIRD: agent()}


def test_the_first_attribution_holds_for_every_day_before_it_too() -> None:
    periods = judge_attributions(MEMBER, [enrolled()], agents=AT_WORK)

    assert period_on(periods, date(2026, 1, 1)).place.agent_id == FIRST
    assert period_on(periods, date(2040, 1, 1)).place.agent_id == FIRST


def test_a_planned_hand_over_leaves_attribution_and_sight_with_the_agent_until_the_day_before() -> (
    None
):
    april = date(2027, 4, 1)
    periods = judge_attributions(MEMBER, [enrolled(), decided(SECOND, april)], agents=AT_WORK)

    march = period_on(periods, date(2027, 3, 31))
    assert (march.place.agent_id, march.agent_sees) == (FIRST, True)
    assert period_on(periods, april).place.agent_id == SECOND


def test_a_take_over_ends_the_agents_sight_at_once_and_the_attribution_at_midnight() -> None:
    tomorrow = date(2026, 10, 2)
    periods = judge_attributions(
        MEMBER, [enrolled(), decided(None, tomorrow, at_once=True)], agents=AT_WORK
    )

    today = period_on(periods, date(2026, 10, 1))
    assert (today.place.agent_id, today.agent_sees) == (FIRST, False)
    assert period_on(periods, tomorrow).place == BRANCH


def test_a_dismissal_ends_sight_at_once_and_the_attribution_at_the_end_of_the_day() -> None:
    gone = agent((noon(date(2026, 10, 15)), DecisionKind.DISMISSED))
    periods = judge_attributions(MEMBER, [enrolled()], agents={FIRST: gone})

    last = period_on(periods, date(2026, 10, 15))
    assert (last.place.agent_id, last.agent_sees) == (FIRST, False)
    after = period_on(periods, date(2026, 10, 16))
    assert (after.place, after.reason) == (BRANCH, AttributionReason.AGENT_DISMISSED)
    assert after.attribution_id == last.attribution_id


def test_a_suspended_agent_keeps_the_attribution() -> None:
    away = agent((noon(date(2026, 10, 15)), DecisionKind.SUSPENDED))
    periods = judge_attributions(MEMBER, [enrolled()], agents={FIRST: away})

    assert period_on(periods, date(2026, 10, 20)).place.agent_id == FIRST


@pytest.mark.parametrize(
    ("decisions", "works"),
    [
        ([(noon(date(2026, 12, 30)), DecisionKind.SUSPENDED)], False),
        ([(noon(date(2027, 1, 1)), DecisionKind.SUSPENDED)], True),
        (
            [
                (noon(date(2026, 12, 30)), DecisionKind.SUSPENDED),
                (noon(date(2027, 1, 1)), DecisionKind.REINSTATED),
            ],
            True,
        ),
        ([(noon(date(2026, 12, 31)), DecisionKind.SUSPENDED)], False),
        # 00:30 in Jakarta on 1 January is 17:30 UTC on the day before.
        ([(datetime(2026, 12, 31, 17, 30, tzinfo=UTC), DecisionKind.SUSPENDED)], True),
    ],
)
def test_the_branch_replaces_a_successor_who_is_not_at_work_on_the_first_day(
    decisions: list[tuple[datetime, DecisionKind]], works: bool
) -> None:
    new_year = date(2027, 1, 1)
    agents = {**AT_WORK, SECOND: agent(*decisions)}
    periods = judge_attributions(MEMBER, [enrolled(), decided(SECOND, new_year)], agents=agents)

    found = period_on(periods, new_year)
    assert found.place == (place(SECOND) if works else BRANCH)
    assert works or found.reason is AttributionReason.AGENT_NOT_AT_WORK


@pytest.mark.parametrize("kind", [DecisionKind.SUSPENDED, DecisionKind.DISMISSED])
def test_an_agent_who_enrols_before_the_end_is_known_gets_the_member_unless_dismissed(
    kind: DecisionKind,
) -> None:
    gone = agent((noon(date(2026, 9, 4)), kind))
    periods = judge_attributions(MEMBER, [enrolled()], agents={FIRST: gone})

    found = period_on(periods, ENROLLED).place.agent_id
    assert found == (FIRST if kind is DecisionKind.SUSPENDED else None)


def test_a_member_is_never_attributed_to_their_own_agent_record() -> None:
    agents = {**AT_WORK, SECOND: agent(member_id=MEMBER)}
    periods = judge_attributions(MEMBER, [enrolled(SECOND)], agents=agents)

    found = period_on(periods, ENROLLED)
    assert (found.place, found.reason) == (BRANCH, AttributionReason.OWN_MEMBERSHIP)


def test_at_the_first_of_month_61_the_branch_takes_over_and_a_later_decision_still_counts() -> None:
    over = Month.of(ENROLLED).plus(60).first_day
    later = decided(SECOND, Month.of(over).plus(2).first_day)
    periods = judge_attributions(MEMBER, [enrolled(), later], agents=AT_WORK, passes_on=[over])

    assert period_on(periods, over - timedelta(days=1)).place.agent_id == FIRST
    assert period_on(periods, over).reason is AttributionReason.MONTHS_OVER
    assert period_on(periods, later.from_date).place.agent_id == SECOND


def test_the_branch_gets_a_member_who_is_handed_over_on_the_first_of_month_61() -> None:
    over = Month.of(ENROLLED).plus(60).first_day
    periods = judge_attributions(
        MEMBER, [enrolled(), decided(SECOND, over)], agents=AT_WORK, passes_on=[over]
    )

    assert period_on(periods, over).reason is AttributionReason.MONTHS_OVER


def test_a_plan_for_the_same_day_restores_no_sight_after_a_take_over() -> None:
    new_year = date(2027, 1, 1)
    taken = decided(None, new_year, at_once=True, made_at=noon(date(2026, 12, 31), 3))
    planned = decided(SECOND, new_year, made_at=noon(date(2026, 12, 31), 4))
    periods = judge_attributions(MEMBER, [enrolled(), taken, planned], agents=AT_WORK)

    assert not period_on(periods, date(2026, 12, 31)).agent_sees
    assert period_on(periods, new_year).place.agent_id == SECOND


def test_a_plan_for_the_day_after_a_dismissal_restores_no_sight() -> None:
    gone = {**AT_WORK, FIRST: agent((noon(date(2026, 12, 31)), DecisionKind.DISMISSED))}
    plan = decided(SECOND, date(2027, 1, 1))
    periods = judge_attributions(MEMBER, [enrolled(), plan], agents=gone)

    assert not period_on(periods, date(2026, 12, 31)).agent_sees


def test_of_two_decisions_for_one_day_the_later_one_counts() -> None:
    tomorrow = date(2026, 10, 2)
    one = decided(SECOND, tomorrow, at_once=True, made_at=noon(date(2026, 10, 1), 3))
    other = decided(THIRD, tomorrow, at_once=True, made_at=noon(date(2026, 10, 1), 4))

    periods = judge_attributions(MEMBER, [other, enrolled(), one], agents=AT_WORK)

    assert period_on(periods, tomorrow).place.agent_id == THIRD


APRIL, MAY, JUNE = date(2027, 4, 1), date(2027, 5, 1), date(2027, 6, 1)
OLD, NEW, NEWER = place(FIRST).wadah_id or new_id(), new_id(), new_id()


def moving(*moves: WadahMove, to_end: datetime | None = None) -> dict[UUID, Agent]:
    began = (noon(date(2020, 1, 1)), DecisionKind.ACTIVATED)
    ends = [(to_end, DecisionKind.DISMISSED)] if to_end else []
    return {**AT_WORK, FIRST: Agent(new_id(), [began, *ends], moves)}


def test_members_follow_the_agent_to_another_wadah_on_the_day_of_the_move() -> None:
    agents = moving(WadahMove(MAY, NEW, NEWER), WadahMove(APRIL, OLD, NEW))

    periods = judge_attributions(MEMBER, [enrolled()], agents=agents)

    assert [(each.from_date, each.until_date, each.place.wadah_id) for each in periods] == [
        (ENROLLED, APRIL, OLD),
        (APRIL, MAY, NEW),
        (MAY, date.max, NEWER),
    ]
    assert {each.attribution_id for each in periods} == {periods[0].attribution_id}
    assert all(each.place.agent_id == FIRST and each.agent_sees for each in periods)


def test_a_hand_over_decided_before_or_after_a_move_has_the_wadah_of_its_first_day() -> None:
    agents = moving(WadahMove(MAY, OLD, NEW))
    with_new = replace(decided(FIRST, APRIL), place=replace(place(FIRST), wadah_id=NEW))

    before = judge_attributions(MEMBER, [enrolled(SECOND), with_new], agents=agents)
    after = judge_attributions(MEMBER, [enrolled(SECOND), decided(FIRST, JUNE)], agents=agents)

    assert [each.place.wadah_id for each in before[1:]] == [OLD, NEW]
    assert [each.place.wadah_id for each in after[1:]] == [NEW]


def test_a_move_after_the_member_left_the_agent_changes_nothing() -> None:
    moves = WadahMove(MAY, OLD, NEW), WadahMove(JUNE, NEW, NEWER)

    handed = judge_attributions(MEMBER, [enrolled(), decided(SECOND, APRIL)], agents=moving(*moves))
    left = judge_attributions(
        MEMBER, [enrolled()], agents=moving(*moves, to_end=noon(date(2027, 3, 31)))
    )

    assert [each.place.agent_id for each in handed] == [FIRST, SECOND]
    assert [each.place.agent_id for each in left] == [FIRST, None]


def naive_agent(
    decisions: Sequence[Decision], agents: dict[UUID, Agent], over: Sequence[date], day: date
) -> UUID | None:
    """Judge one day by docs/domain.md, without periods and without the result of other days."""
    begun = [each for each in decisions if each.from_date <= day] or [
        min(decisions, key=lambda each: (each.from_date, each.made_at))
    ]
    force = max(begun, key=lambda each: (each.from_date, each.made_at, each.id))
    agent_id, day = force.place.agent_id, max(day, force.from_date)
    if agent_id is None:
        return None
    known = agents[agent_id]
    if known.member_id == MEMBER:
        return None
    if force.reason is not AttributionReason.ENROLLED and not naive_works(known, force.from_date):
        return None
    if any(force.from_date <= passed <= day for passed in over):
        return None
    for at, kind in known.decisions:
        left = (at + timedelta(hours=7)).date() < day
        if kind is DecisionKind.DISMISSED and left:
            return None
    return agent_id


def naive_wadah(known: Agent, first: UUID | None, day: date) -> UUID | None:
    """Walk through the days of an agent's moves up to a day."""
    wadah_id = first
    for move in sorted(known.moves, key=lambda each: each.from_date):
        if move.from_date <= day:
            wadah_id = move.wadah_id
    return wadah_id


def naive_works(known: Agent, day: date) -> bool:
    works = False
    for at, kind in sorted(known.decisions):
        on = (at + timedelta(hours=7)).date()
        if on > day:
            break
        if kind in (DecisionKind.ACTIVATED, DecisionKind.REINSTATED):
            works = True
        elif on < day:
            works = False
    return works


@pytest.mark.parametrize("batch", range(10))
def test_random_histories_agree_with_the_answer_day_by_day_in_any_order(batch: int) -> None:
    for seed in range(30):
        check_history(random.Random(f"{batch}:{seed}"))


def make_agents(dice: random.Random) -> dict[UUID, Agent]:
    agents = {}
    for agent_id in (FIRST, SECOND, THIRD):
        decisions = [(noon(date(2026, 1, 1)), DecisionKind.ACTIVATED)]
        works = True
        for at in sorted(dice.sample(range(240, 240 + 200), dice.randint(0, 4))):
            instant = noon(date(2026, 1, 1) + timedelta(days=at), dice.randrange(24))
            kind = (
                dice.choice([DecisionKind.SUSPENDED, DecisionKind.DISMISSED])
                if works
                else DecisionKind.REINSTATED
            )
            decisions.append((instant, kind))
            works = not works
            if kind is DecisionKind.DISMISSED:
                break
        is_own = dice.random() < 0.1
        moves, wadah_id = [], place(agent_id).wadah_id
        assert wadah_id is not None
        for month in sorted(dice.sample(range(6, 17), dice.randint(0, 3))):
            leaves, wadah_id = wadah_id, new_id()
            moves.append(WadahMove(Month(2026, 1).plus(month).first_day, leaves, wadah_id))
        agents[agent_id] = Agent(
            MEMBER if is_own else new_id(), decisions, dice.sample(moves, len(moves))
        )
    return agents


def check_history(dice: random.Random) -> None:
    agents = make_agents(dice)
    wanted = [enrolled(dice.choice([FIRST, SECOND, None]))]
    for _ in range(dice.randint(0, 5)):
        made = noon(ENROLLED + timedelta(days=dice.randrange(150)), dice.randrange(20))
        at_once = dice.random() < 0.5
        from_date = (
            made.date() + timedelta(days=1)
            if at_once
            else Month.of(made.date()).plus(dice.randint(1, 3)).first_day
        )
        wanted.append(
            decided(
                dice.choice([FIRST, SECOND, THIRD, None]),
                from_date,
                at_once=at_once,
                made_at=made,
            )
        )
    over = [ENROLLED + timedelta(days=dice.randrange(1, 200)) for _ in range(dice.randint(0, 1))]
    shuffled = dice.sample(wanted, len(wanted))

    periods = judge_attributions(MEMBER, shuffled, agents=agents, passes_on=over)

    assert periods == judge_attributions(MEMBER, wanted, agents=agents, passes_on=over)
    assert all(a.until_date == b.from_date for a, b in pairwise(periods))
    for offset in range(-5, 260):
        day = ENROLLED + timedelta(days=offset)
        found, wanted_agent = period_on(periods, day).place, naive_agent(wanted, agents, over, day)
        assert found.agent_id == wanted_agent, day
        # The first attribution holds before its first day too, with the wadah of that day.
        on = max(day, ENROLLED)
        assert found.wadah_id == (
            naive_wadah(agents[wanted_agent], place(wanted_agent).wadah_id, on)
            if wanted_agent
            else None
        ), day
