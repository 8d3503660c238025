"""Judge the attribution of a member by day, from decisions and from the feed of agent-service.

The result does not depend on the order in which facts became known. Source: docs/domain.md, Care.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.at_work import WadahMove, find_wadah, is_at_work
from perisai_kit.domain.jakarta import jakarta_date

ONE_DAY = timedelta(days=1)


class AttributionReason(StrEnum):
    """Why a period has its agent or branch. Officers decide the first five; facts the others."""

    ENROLLED = "enrolled"
    AGENT_LEFT = "agent_left"
    MEMBER_ASKED = "member_asked"
    CORRECTION = "correction"
    BRANCH_DECISION = "branch_decision"
    AGENT_DISMISSED = "agent_dismissed"
    AGENT_NOT_AT_WORK = "agent_not_at_work"
    OWN_MEMBERSHIP = "own_membership"
    MONTHS_OVER = "months_over"


class DecisionKind(StrEnum):
    """A kind of decision of agent-service on an agent."""

    ACTIVATED = "activated"
    REINSTATED = "reinstated"
    SUSPENDED = "suspended"
    DISMISSED = "dismissed"


AT_WORK = frozenset({DecisionKind.ACTIVATED, DecisionKind.REINSTATED})


@dataclass(frozen=True, slots=True)
class Place:
    """Agent and wadah, or neither, and their branch."""

    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str

    @property
    def branch(self) -> "Place":
        """Return the branch alone."""
        return replace(self, agent_id=None, wadah_id=None)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent according to the feed. member_id: the agent's own membership, once known.

    moves: to other wadahs, those that stand.
    """

    member_id: UUID | None
    decisions: Sequence[tuple[datetime, DecisionKind]]
    moves: Sequence[WadahMove] = ()

    def is_at_work(self, on: date) -> bool:
        """Tell whether the agent works on a Jakarta day."""
        return is_at_work(((at, kind in AT_WORK) for at, kind in self.decisions), on)

    @property
    def left_on(self) -> date | None:
        """Return the first day after the dismissal of the agent; None if not dismissed."""
        ends = [at for at, kind in self.decisions if kind is DecisionKind.DISMISSED]
        return jakarta_date(min(ends)) + ONE_DAY if ends else None

    def put(self, place: Place, on: date) -> Place:
        """Return the agent's place with the wadah of a day."""
        assert place.wadah_id is not None, "an agent has a wadah"
        return replace(place, wadah_id=find_wadah(self.moves, on, otherwise=place.wadah_id))


@dataclass(frozen=True, slots=True)
class Decision:
    """An attribution that was not withdrawn: the agent or branch of a member from a day on.

    at_once: a take-over; the former agent loses sight of the member immediately.
    """

    id: UUID
    place: Place
    from_date: date
    at_once: bool
    reason: AttributionReason
    made_at: datetime


@dataclass(frozen=True, slots=True)
class AttributionPeriod:
    """Agent or branch of a member from a day to another, not included; date.max: no known end.

    attribution_id: the decision in force. agent_sees: whether the agent may still see the member.
    """

    from_date: date
    until_date: date
    place: Place
    reason: AttributionReason
    attribution_id: UUID
    agent_sees: bool


@dataclass(frozen=True, slots=True)
class _Change:
    from_date: date
    place: Place
    reason: AttributionReason
    decision: Decision


def judge_attributions(
    member_id: UUID,
    decisions: Iterable[Decision],
    *,
    agents: Mapping[UUID, Agent],
    passes_on: Iterable[date] = (),
) -> tuple[AttributionPeriod, ...]:
    """Return the attribution periods of a member, the earliest first. decisions: at least one.

    The first period also holds for every earlier day. passes_on: days on which the member passes to
    the branch because the months with agents are over.
    """
    decisions = sorted(decisions, key=_get_sort_key)
    by_day = {each.from_date: each for each in decisions}
    standing = [by_day[day] for day in sorted(by_day)]
    over = sorted(passes_on)
    changes: list[_Change] = []
    for place, decision in enumerate(standing):
        following = standing[place + 1].from_date if place + 1 < len(standing) else date.max
        changes += _find_changes(
            member_id,
            decision,
            agents,
            [day for day in over if decision.from_date <= day < following],
            until=following,
        )
    # Only the last decision for a day counts, but every take-over ends the former agent's sight.
    ends = {each.from_date for each in decisions if each.at_once}
    ends |= {each.from_date for each in changes if each.reason is AttributionReason.AGENT_DISMISSED}
    return _make_periods(changes, ends)


def _get_sort_key(decision: Decision) -> tuple[date, datetime, UUID]:
    return decision.from_date, decision.made_at, decision.id


def _find_changes(
    member_id: UUID,
    decision: Decision,
    agents: Mapping[UUID, Agent],
    over: Sequence[date],
    *,
    until: date,
) -> list[_Change]:
    """Return the changes that a decision makes. over: days on which the months are over.

    until: the first day of the next decision.
    """
    place, from_date = decision.place, decision.from_date
    if place.agent_id is None:
        return [_Change(from_date, place, decision.reason, decision)]
    agent = agents.get(place.agent_id)
    if agent is not None and agent.member_id == member_id:
        return [_Change(from_date, place.branch, AttributionReason.OWN_MEMBERSHIP, decision)]
    if agent is not None and agent.left_on is not None and agent.left_on <= from_date:
        return [_Change(from_date, place.branch, AttributionReason.AGENT_DISMISSED, decision)]
    # An agent who enrols is at work then, so only a successor can be away on the first day.
    is_successor = decision.reason is not AttributionReason.ENROLLED
    if is_successor and agent is not None and not agent.is_at_work(from_date):
        return [_Change(from_date, place.branch, AttributionReason.AGENT_NOT_AT_WORK, decision)]
    if from_date in over:
        return [_Change(from_date, place.branch, AttributionReason.MONTHS_OVER, decision)]
    ends = [(day, AttributionReason.MONTHS_OVER) for day in over]
    if agent is not None and agent.left_on is not None:
        ends.append((agent.left_on, AttributionReason.AGENT_DISMISSED))
    first_day_after = min([until, *(day for day, _ in ends)])
    changes = _follow_moves(decision, agent, until=first_day_after)
    if ends:
        day, reason = min(ends)
        changes.append(_Change(day, place.branch, reason, decision))
    return changes


def _follow_moves(decision: Decision, agent: Agent | None, *, until: date) -> list[_Change]:
    """Return the decision's agent with the wadah of each day before `until`."""
    place, from_date = decision.place, decision.from_date
    if agent is None:
        return [_Change(from_date, place, decision.reason, decision)]
    moved = sorted(each.from_date for each in agent.moves if from_date < each.from_date < until)
    return [
        _Change(day, agent.put(place, day), decision.reason, decision)
        for day in (from_date, *moved)
    ]


def _make_periods(
    changes: Sequence[_Change], ends: Collection[date]
) -> tuple[AttributionPeriod, ...]:
    """Return the periods. ends: days on which the former agent has already lost sight."""
    # A decision ends every effect of the one before it.
    kept = [
        each
        for each, following in _pair_with_next(changes)
        if following is None or each.from_date < following.from_date
    ]
    found = []
    for each, following in _pair_with_next(kept):
        taken_over = following is not None and following.from_date in ends
        found.append(
            AttributionPeriod(
                from_date=each.from_date,
                until_date=following.from_date if following else date.max,
                place=each.place,
                reason=each.reason,
                attribution_id=each.decision.id,
                agent_sees=each.place.agent_id is not None and not taken_over,
            )
        )
    return tuple(found)


def _pair_with_next(changes: Sequence[_Change]) -> Iterable[tuple[_Change, _Change | None]]:
    return zip(changes, [*changes[1:], None], strict=True)


def period_on(periods: Sequence[AttributionPeriod], on: date) -> AttributionPeriod:
    """Return the period of a day; the first period for every earlier day."""
    return next((each for each in reversed(periods) if each.from_date <= on), periods[0])
