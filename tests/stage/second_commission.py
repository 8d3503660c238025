"""Commissions computed from zero a second time, and compared with what the service stored.

Written from docs/commissions.md (the scheme from April 2022) and from nothing of the service: plain
Python over the payments, the answers that member-service published and the decisions that
agent-service published. What was known at each closing it cannot know: there it takes the months in
which the service booked its lines, and checks the arithmetic of the statements.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from stage.connections import connect

JAKARTA = ZoneInfo("Asia/Jakarta")
PARTS = 10_000
CONTRIBUTION_PERCENT = ((24, 15), (60, 5))
"""Up to this month of the registration, this share of what was received."""
NEW_MEMBERS_NEEDED = 25
NEW_MEMBER_RUPIAH = {3: 15_000, 2: 10_000}
"""By the number of programmes first paid."""

_LINES = """
    SELECT allocations.id, month, programme, bill_lines.amount
    FROM allocations JOIN bill_lines USING (bill_id) WHERE kind = 'bill' AND allocations.amount > 0
"""
_ANSWERS = """
    SELECT DISTINCT ON (data ->> 'allocation_id')
           (data ->> 'allocation_id')::uuid AS id, (data ->> 'agent_id')::uuid AS agent_id,
           (data ->> 'wadah_id')::uuid AS wadah_id, data ->> 'first_month' AS first_month,
           (data ->> 'counts_at')::timestamptz AS counts_at,
           ARRAY(SELECT jsonb_array_elements_text(data -> 'months')) AS months,
           (data ->> 'is_acquisition')::boolean AS is_acquisition
    FROM events WHERE type LIKE 'coverage.%'
    ORDER BY data ->> 'allocation_id', (data ->> 'answer_no')::bigint DESC
"""
_DECISIONS = """
    SELECT (data ->> 'agent_id')::uuid AS agent_id, (data ->> 'decided_at')::timestamptz AS at,
           type IN ('agent.activated.v1', 'agent.reinstated.v1') AS is_at_work
    FROM events WHERE type IN ('agent.activated.v1', 'agent.reinstated.v1', 'agent.suspended.v1',
                               'agent.dismissed.v1')
"""
_STORED = """
    SELECT beneficiary_id, earned_month, allocation_id, rule,
           coalesce(contribution_month, '') AS month, coalesce(programme, '') AS programme,
           sum(parts)::bigint AS parts
    FROM commission_lines GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(parts) <> 0
"""
_BOOKED = """
    SELECT beneficiary_id, booked_month, sum(parts)::bigint AS parts
    FROM commission_lines GROUP BY 1, 2 ORDER BY 2
"""
_CLOSED = "SELECT month FROM commission_months ORDER BY month"
_STATEMENTS = "SELECT beneficiary_id, month, amount FROM statements"


class Line(NamedTuple):
    """What somebody earned by one rule; parts: 1/10,000 rupiah."""

    beneficiary_id: UUID
    earned_month: str
    allocation_id: UUID
    rule: str
    month: str
    programme: str
    parts: int


Decisions = Mapping[UUID, Sequence[tuple[datetime, bool]]]
"""By agent: the instant of a decision, and whether it puts the agent to work."""


async def faults(*, payment_url: str, member_url: str, agent_url: str) -> list[str]:
    """Return what of commissions and statements differs from the second computation."""
    paid_lines, stored, booked, closed, stated = await _fetch(
        payment_url, _LINES, _STORED, _BOOKED, _CLOSED, _STATEMENTS
    )
    (answers,) = await _fetch(member_url, _ANSWERS)
    (rows,) = await _fetch(agent_url, _DECISIONS)
    decisions: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    for row in rows:
        decisions[row["agent_id"]].append((row["at"], row["is_at_work"]))
    months = [row["month"] for row in closed]
    return [
        *_differences(
            "commission lines",
            compute(paid_lines, answers, decisions),
            Counter(Line(*row) for row in stored),
        ),
        *_differences(
            "statements",
            statements_of(booked, months),
            {tuple(row)[:2]: row["amount"] for row in stated},
        ),
    ]


def compute(
    paid_lines: Iterable[asyncpg.Record], answers: Iterable[asyncpg.Record], decisions: Decisions
) -> Counter[Line]:
    """Return every line that these payments earn."""
    lines_of: dict[UUID, list[tuple[str, str, int]]] = defaultdict(list)
    for row in paid_lines:
        lines_of[row["id"]].append((row["month"], row["programme"], row["amount"]))
    earned: Counter[Line] = Counter()
    new: dict[tuple[UUID, str], list[asyncpg.Record]] = defaultdict(list)
    for answer in (each for each in answers if _earns(each, decisions)):
        for month, programme, amount in lines_of[answer["id"]]:
            if month in answer["months"]:
                percent = _percent(_index(answer["first_month"], month))
                parts = amount * percent * PARTS // 100
                earned.update(_both(answer, "contribution", (month, programme), parts))
        if answer["is_acquisition"]:
            new[answer["agent_id"], _month(answer)].append(answer)
    reached = [each for each in new.values() if len(each) >= NEW_MEMBERS_NEEDED]
    for answer in chain.from_iterable(reached):
        bonus = NEW_MEMBER_RUPIAH.get(_programmes(lines_of[answer["id"]]), 0)
        earned.update(_both(answer, "acquisition", ("", ""), bonus * PARTS))
    return earned


def statements_of(
    booked: Iterable[asyncpg.Record], closed: Sequence[str]
) -> dict[tuple[UUID, str], int]:
    """Return what each closed month gives each beneficiary, in rupiah. booked: by month."""
    found = {}
    totals: Counter[UUID] = Counter()
    for beneficiary_id, month, parts in booked:
        if month in closed:
            before = totals[beneficiary_id]
            totals[beneficiary_id] += parts
            found[beneficiary_id, month] = totals[beneficiary_id] // PARTS - before // PARTS
    return found


def _earns(answer: asyncpg.Record, decisions: Decisions) -> bool:
    if answer["agent_id"] is None or not answer["months"]:
        return False
    return _works(decisions.get(answer["agent_id"], ()), _day(answer))


def _day(answer: asyncpg.Record) -> date:
    day: date = answer["counts_at"].astimezone(JAKARTA).date()
    return day


def _month(answer: asyncpg.Record) -> str:
    return f"{_day(answer):%Y-%m}"


def _works(decisions: Iterable[tuple[datetime, bool]], day: date) -> bool:
    """Tell whether an agent was at work on a day; one without a decision is as before."""
    works = False
    for at, is_at_work in sorted(decisions):
        on = at.astimezone(JAKARTA).date()
        if on < day:
            works = is_at_work
        elif on == day:
            works = works or is_at_work
    return works


def _both(answer: asyncpg.Record, rule: str, what: tuple[str, str], parts: int) -> list[Line]:
    """Return the agent's line and the wadah's tenth on top; of nothing, nothing."""
    if not parts:
        return []
    earned_month = _month(answer)
    shares = [(answer["agent_id"], rule, parts), (answer["wadah_id"], "override", parts // 10)]
    return [
        Line(who, earned_month, answer["id"], each_rule, *what, share)
        for who, each_rule, share in shares
        if who is not None
    ]


def _index(first_month: str, month: str) -> int:
    """Return which month of the registration it is, from 1."""
    return _number(month) - _number(first_month) + 1


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])


def _percent(index: int) -> int:
    return next((percent for last, percent in CONTRIBUTION_PERCENT if index <= last), 0)


def _programmes(lines: Sequence[tuple[str, str, int]]) -> int:
    first = min(month for month, _, _ in lines)
    return len({programme for month, programme, _ in lines if month == first})


async def _fetch(url: str, *questions: str) -> list[list[asyncpg.Record]]:
    async with connect(url) as connection:
        return [await connection.fetch(question) for question in questions]


def _differences(what: str, computed: Mapping[Any, int], stored: Mapping[Any, int]) -> list[str]:
    wrong = sum(computed.get(key) != stored.get(key) for key in computed.keys() | stored.keys())
    return [f"{wrong} {what} differ from the second computation"] if wrong else []
