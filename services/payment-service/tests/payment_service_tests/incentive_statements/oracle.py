"""What agents and wadahs earn, computed a second time, in fractions, from the facts alone.

Written from docs/commissions.md ("What earns, when"), not from the service: no lines, no entries,
no state. It knows the scheme of 2022, with another threshold.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from math import floor
from uuid import UUID
from zoneinfo import ZoneInfo

from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentReinstated,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    PaymentSettled,
)
from perisai_kit.events.envelope import Event

JAKARTA = ZoneInfo("Asia/Jakarta")
Answer = CoverageExtended | CoverageWithdrawn | CoverageDeclined
Earned = dict[tuple[UUID, str], Fraction]
"""Rupiah by beneficiary and by the month it is earned for."""


@dataclass
class Oracle:
    """All events so far, and what they earn."""

    threshold: int
    settled: dict[UUID, PaymentSettled] = field(default_factory=dict)
    answers: dict[UUID, Answer] = field(default_factory=dict)
    decisions: dict[UUID, list[tuple[datetime, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    moves: list[AgentWadahChanged] = field(default_factory=list)
    cancelled: set[UUID] = field(default_factory=set)
    held: set[tuple[UUID, str]] = field(default_factory=set)
    """Agents' months whose acquisition bonus is under review or refused."""

    def hear(self, event: Event) -> None:
        """Add a fact; its order among the others does not matter."""
        if isinstance(event, PaymentSettled):
            self.settled[event.allocation_id] = event
        elif isinstance(event, Answer):
            known = self.answers.get(event.allocation_id)
            if known is None or event.answer_no > known.answer_no:
                self.answers[event.allocation_id] = event
        elif isinstance(event, AgentWadahChanged):
            self.moves.append(event)
        elif isinstance(event, AgentWadahChangeCancelled):
            self.cancelled.add(event.move_id)
        else:
            works = isinstance(event, AgentActivated | AgentReinstated)
            self.decisions[event.agent_id].append((event.decided_at, works))  # type: ignore[attr-defined]  # of an agent

    def earned(self) -> Earned:
        """Return what all events so far earn."""
        earned: Earned = defaultdict(Fraction)
        acquired: dict[tuple[UUID, str], list[UUID]] = defaultdict(list)
        for id_, answer in self.answers.items():
            if id_ not in self.settled or not self._earns(answer):
                continue
            assert not isinstance(answer, CoverageDeclined)
            assert answer.agent_id is not None
            month = _month(answer.counts_at)
            share = sum(
                (
                    Fraction(line.amount * _percent(answer, line.month), 100)
                    for line in self.settled[id_].lines
                    if line.month in answer.months
                ),
                Fraction(),
            )
            self._add(earned, answer, month, share)
            if answer.is_acquisition:
                acquired[answer.agent_id, month].append(id_)
        for (agent_id, month), ids in acquired.items():
            if (agent_id, month) in self.held:
                continue
            for id_ in ids if len(ids) >= self.threshold else ():
                self._add(earned, self.answers[id_], month, Fraction(_bonus(self.settled[id_])))
        return {key: value for key, value in earned.items() if value}

    @staticmethod
    def _add(earned: Earned, answer: Answer, month: str, share: Fraction) -> None:
        assert not isinstance(answer, CoverageDeclined)
        assert answer.agent_id is not None
        earned[answer.agent_id, month] += share
        if answer.wadah_id is not None:
            earned[answer.wadah_id, month] += share / 10

    def _earns(self, answer: Answer) -> bool:
        if isinstance(answer, CoverageDeclined) or answer.agent_id is None or not answer.months:
            return False
        return self._works(answer.agent_id, answer.counts_at.astimezone(JAKARTA).date())

    def _works(self, agent_id: UUID, day: date) -> bool:
        """Walk from the first decision to the day; a day counts as the best state it saw."""
        works = False
        for decided_at, puts_to_work in sorted(self.decisions[agent_id]):
            on = decided_at.astimezone(JAKARTA).date()
            if on < day:
                works = puts_to_work
            elif on == day and puts_to_work:
                return True
        return works

    def wadah_of(self, agent_id: UUID, first: UUID, day: date) -> UUID:
        """Return the wadah of an agent on a day. first: where the agent began."""
        standing = [
            each
            for each in self.moves
            if each.agent_id == agent_id and each.move_id not in self.cancelled
        ]
        begun = [(each.from_date, each.wadah_id) for each in standing if each.from_date <= day]
        return max(begun)[1] if begun else first

    def total(self, through: str) -> dict[UUID, Fraction]:
        """Return what each one earned in all months up to one."""
        totals: dict[UUID, Fraction] = defaultdict(Fraction)
        for (who, month), amount in self.earned().items():
            if month <= through:
                totals[who] += amount
        return totals


@dataclass
class Statements:
    """Statements as they should be: what stands at the close, less what was stated before."""

    oracle: Oracle
    stated: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))

    def close(self, month: str) -> dict[UUID, int]:
        """Return the amounts of a month's statements that are not zero."""
        totals = self.oracle.total(month)
        amounts = {}
        for who in totals.keys() | self.stated.keys():
            amount = floor(totals.get(who, Fraction())) - self.stated[who]
            self.stated[who] += amount
            if amount:
                amounts[who] = amount
        return amounts


def _percent(answer: CoverageExtended | CoverageWithdrawn, month: object) -> int:
    first, wanted = str(answer.first_month), str(month)
    index = (int(wanted[:4]) - int(first[:4])) * 12 + int(wanted[5:]) - int(first[5:]) + 1
    return 15 if 1 <= index <= 24 else 5 if 25 <= index <= 60 else 0


def _bonus(payment: PaymentSettled) -> int:
    first = min(line.month for line in payment.lines)
    has_jht = any(line.month == first and line.programme == "jht" for line in payment.lines)
    return 15_000 if has_jht else 10_000


def _month(instant: datetime) -> str:
    return f"{instant.astimezone(JAKARTA):%Y-%m}"
