"""Commissions computed from zero a second time, and compared with what the service stored.

Written from docs/money.md ("Commissions", the scheme from April 2022) and from nothing of the
service: plain Python over the rows of payments, bill lines and attributions. What it cannot know
is whether a payment was counted before or after its month was closed; there it takes the service's
month and checks that it is one of the months allowed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

FIRST_MONTH = "2022-04"
PARTS = 10_000
CONTRIBUTION_PERCENT = ((24, 15), (60, 5))
"""Up to this month with agents, this share of what was received."""
NEW_MEMBERS_NEEDED = 25
NEW_MEMBER_RUPIAH = {3: 15_000, 2: 10_000}
"""By the number of programmes first paid."""

_PAYMENTS = """
    SELECT payments.id, payments.member_id, bills.agent_id, bills.attribution_id,
           to_char(payments.paid_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM') AS paid_month,
           counted.earned_month AS counted_month
    FROM payments JOIN bills ON bills.id = bill_id
    JOIN events ON type = 'payment.settled.v1' AND (data ->> 'payment_id')::uuid = payments.id
    LEFT JOIN commission_payments AS counted ON counted.payment_id = payments.id
    ORDER BY events.position
"""
_LINES = """
    SELECT payments.id, month, programme, bill_lines.amount
    FROM payments JOIN bill_lines USING (bill_id)
"""
_ATTRIBUTED = """
    SELECT attributions.id, member_id, attributions.agent_id, attributions.wadah_id, from_month,
           new_to_bpu
    FROM attributions JOIN members ON members.id = member_id
    WHERE attributions.agent_id IS NOT NULL
"""
_STORED = """
    SELECT beneficiary_id, earned_month, payment_id, rule,
           coalesce(contribution_month, '') AS month, coalesce(programme, '') AS programme, parts
    FROM commission_lines
"""
_CLOSED = "SELECT month FROM commission_months ORDER BY month"
_STATEMENTS = "SELECT beneficiary_id, month, amount FROM statements"


class Line(NamedTuple):
    """What somebody earned by one rule; parts: 1/10,000 rupiah."""

    beneficiary_id: UUID
    earned_month: str
    payment_id: UUID
    rule: str
    month: str
    programme: str
    parts: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """A member of an agent. since: the member's first month with any agent."""

    agent_id: UUID
    wadah_id: UUID
    since: str
    is_new: bool


async def faults(*, payment_url: str, member_url: str) -> list[str]:
    """Return what of commissions and statements differs from the second computation."""
    payment, member = await asyncpg.connect(payment_url), await asyncpg.connect(member_url)
    try:
        payments = await payment.fetch(_PAYMENTS)
        paid_lines = await payment.fetch(_LINES)
        stored = Counter(Line(*row) for row in await payment.fetch(_STORED))
        closed = [row["month"] for row in await payment.fetch(_CLOSED)]
        stated = {tuple(row)[:2]: row["amount"] for row in await payment.fetch(_STATEMENTS)}
        attributions = _read_attributions(await member.fetch(_ATTRIBUTED))
    finally:
        await payment.close()
        await member.close()
    lines = compute(payments, paid_lines, attributions)
    return [
        *_wrong_months(payments, closed),
        *_differences("commission lines", lines, stored),
        *_differences("statements", statements_of(lines, closed), stated),
    ]


def compute(
    payments: Sequence[asyncpg.Record],
    paid_lines: Iterable[asyncpg.Record],
    attributions: Mapping[UUID, Attribution],
) -> Counter[Line]:
    """Return every line that these payments, in the order they were published, earn."""
    lines_of: dict[UUID, list[tuple[str, str, int]]] = defaultdict(list)
    for row in paid_lines:
        lines_of[row["id"]].append((row["month"], row["programme"], row["amount"]))
    earned: Counter[Line] = Counter()
    have_paid: set[UUID] = set()
    new: dict[tuple[UUID, str], list[tuple[UUID, Attribution]]] = defaultdict(list)
    for payment in payments:
        is_first = payment["member_id"] not in have_paid
        have_paid.add(payment["member_id"])
        attribution = attributions.get(payment["attribution_id"])
        if attribution is None or payment["counted_month"] is None:
            continue
        month, payment_id = payment["counted_month"], payment["id"]
        for contribution_month, programme, amount in lines_of[payment_id]:
            percent = _percent(_index(attribution.since, contribution_month))
            what = (month, payment_id), (contribution_month, programme)
            earned.update(_both(attribution, "contribution", what, amount * percent * PARTS // 100))
        if is_first and attribution.is_new:
            new[attribution.agent_id, month].append((payment_id, attribution))
    for (_, month), members in new.items():
        for payment_id, attribution in members if len(members) >= NEW_MEMBERS_NEEDED else ():
            bonus = NEW_MEMBER_RUPIAH.get(_programmes(lines_of[payment_id]), 0)
            what = (month, payment_id), ("", "")
            earned.update(_both(attribution, "acquisition", what, bonus * PARTS))
    return earned


def statements_of(lines: Mapping[Line, int], closed: Sequence[str]) -> dict[tuple[UUID, str], int]:
    """Return what each closed month pays each beneficiary, in rupiah."""
    parts: dict[UUID, Counter[str]] = defaultdict(Counter)
    for line, count in lines.items():
        parts[line.beneficiary_id][line.earned_month] += line.parts * count
    found = {}
    for beneficiary_id, by_month in parts.items():
        total = 0
        for month in sorted(set(closed) & by_month.keys()):
            before = total
            total += by_month[month]
            found[beneficiary_id, month] = total // PARTS - before // PARTS
    return found


def _read_attributions(rows: Sequence[asyncpg.Record]) -> dict[UUID, Attribution]:
    since: dict[UUID, str] = {}
    for row in rows:
        known = since.get(row["member_id"], row["from_month"])
        since[row["member_id"]] = min(known, row["from_month"])
    return {
        row["id"]: Attribution(
            row["agent_id"], row["wadah_id"], since[row["member_id"]], row["new_to_bpu"]
        )
        for row in rows
    }


def _both(
    attribution: Attribution, rule: str, what: tuple[tuple[str, UUID], tuple[str, str]], parts: int
) -> list[Line]:
    """Return the agent's line and the wadah's tenth on top; of nothing, nothing."""
    if not parts:
        return []
    (earned_month, payment_id), (month, programme) = what
    return [
        Line(attribution.agent_id, earned_month, payment_id, rule, month, programme, parts),
        Line(
            attribution.wadah_id,
            earned_month,
            payment_id,
            "override",
            month,
            programme,
            parts // 10,
        ),
    ]


def _index(since: str, month: str) -> int:
    """Return which month with agents it is, from 1; those before count as the first."""
    return max(1, _number(month) - _number(since) + 1)


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])


def _percent(index: int) -> int:
    return next((percent for last, percent in CONTRIBUTION_PERCENT if index <= last), 0)


def _programmes(lines: Sequence[tuple[str, str, int]]) -> int:
    first = min(month for month, _, _ in lines)
    return len({programme for month, programme, _ in lines if month == first})


def _wrong_months(payments: Sequence[asyncpg.Record], closed: Sequence[str]) -> list[str]:
    wrong = sum(not _may_count(each, closed) for each in payments)
    return [f"{wrong} payments counted in a month that is not theirs"] if wrong else []


def _may_count(payment: asyncpg.Record, closed: Sequence[str]) -> bool:
    """Tell whether it counts where it was paid, or in the first month after a close."""
    paid, counted = payment["paid_month"], payment["counted_month"]
    if counted is None or paid < FIRST_MONTH:
        return False
    late = [month for month in closed if month >= paid and _number(month) + 1 == _number(counted)]
    return counted == paid or bool(late)


def _differences(what: str, computed: Mapping[Any, int], stored: Mapping[Any, int]) -> list[str]:
    wrong = sum(computed.get(key) != stored.get(key) for key in computed.keys() | stored.keys())
    return [f"{wrong} {what} differ from the second computation"] if wrong else []
