"""Random half years: any events in any order, with months closed in between.

A run has dozens of members, each with a history of their own: payments for one month or many,
later answers with another agent, other months, another instant or none, and agents who are
suspended, dismissed and reinstated. The oracle knows only the facts.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.incentive_statements.oracle import Oracle, Statements
from payment_service_tests.incentive_statements.small_scheme import THRESHOLD, add_scheme, earned
from payment_service_tests.month_closing import find_book_faults
from payment_service_tests.village import (
    FAR_AHEAD,
    Prices,
    Village,
    apply_events,
    book,
    compute,
    noon,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers.service import Answer
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.rules import Line
from payment_service.incentive_statements.models import Statement
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentDismissed,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
    CoverageDeclined,
    PaymentSettled,
)
from perisai_kit.events.envelope import Event

FIRST = Month(2025, 7)
MONTHS = [FIRST.plus(ahead) for ahead in range(6)]
MEMBERS = 60
Close = Callable[[Month], Awaitable[None]]
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 150))]


@dataclass
class History:
    """Events to apply, each with the number of months that are closed before it."""

    chance: random.Random
    wadahs: list[UUID] = field(default_factory=list)
    villages: list[Village] = field(default_factory=list)
    facts: list[tuple[int, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wadahs = [new_id() for _ in range(3)]
        self.villages = [Village(wadah_id=self.chance.choice(self.wadahs)) for _ in range(6)]
        for village in self.villages:
            self._decide(village)
            self._move(village)
        for _ in range(MEMBERS):
            self._live()

    def instant(self) -> datetime:
        """Return an instant of the half year, often close to midnight of Jakarta."""
        day = self.chance.randrange(183)
        second = self.chance.choice([0, 1, 86_399, self.chance.randrange(86_400)])
        return datetime(2025, 7, 1, tzinfo=JAKARTA) + timedelta(days=day, seconds=second)

    def slot(self, at: datetime) -> int:
        """Return after how many closings an event of this instant arrives, often late."""
        local = at.astimezone(JAKARTA)
        usual = (local.year - FIRST.year) * 12 + local.month - FIRST.month
        return min(usual + self.chance.choice([0, 0, 0, 0, 1, 2, 5]), len(MONTHS))

    def _decide(self, village: Village) -> None:
        self.facts.append((0, village.decided[0]))
        at_work = True
        for at in sorted({self.instant() for _ in range(self.chance.choice([0, 0, 1, 2, 4]))}):
            event: Event = village.suspend(at) if at_work else village.reinstate(at)
            if at_work and self.chance.random() < 0.3:
                event = AgentDismissed(**event.model_dump())
            at_work = not at_work
            self.facts.append((self.slot(at), event))

    def _move(self, village: Village) -> None:
        """Let the agent move to other wadahs, now and then; some moves do not take place."""
        leaves, ahead = village.wadah_id, [1, 2, 3, 4, 5, 6, 9]
        for months in sorted(self.chance.sample(ahead, self.chance.choice([0, 1, 2, 3]))):
            move = AgentWadahChanged(
                move_id=new_id(),
                agent_id=village.agent_id,
                from_wadah_id=leaves,
                wadah_id=self.chance.choice([each for each in self.wadahs if each != leaves]),
                from_date=FIRST.plus(months).first_day,
                decided_at=self.instant(),
            )
            arrival = self.chance.choice([0, 0, min(months, len(MONTHS)), len(MONTHS)])
            self.facts.append((arrival, move))
            if self.chance.random() < 0.3:
                end = AgentWadahChangeCancelled(**move.model_dump(), reason_code="withdrawn")
                self.facts.append((self.chance.randint(0, len(MONTHS)), end))
            else:
                leaves = move.wadah_id

    def _live(self) -> None:
        village, member_id = self.chance.choice(self.villages), new_id()
        first = FIRST.plus(self.chance.choice([0, 0, 1, 2, -22, -58]))
        month = max(first, FIRST)
        for place in range(self.chance.choice([1, 1, 2, 3, 5])):
            count = self.chance.choice([1, 1, 1, 3, 12])
            payment = village.settle(
                month,
                member_id=member_id,
                month_count=count,
                prices=self._prices(),
                paid_at=self.instant(),
            )
            slot = self.slot(payment.counts_at)
            self.facts.append((slot, payment))
            self._answer(payment, village, first, slot, is_new=place == 0)
            month = month.plus(count)
            if self.chance.random() < 0.2:
                village = self.chance.choice(self.villages)

    def _answer(
        self, payment: PaymentSettled, village: Village, first: Month, slot: int, *, is_new: bool
    ) -> None:
        is_new = is_new and self.chance.random() < 0.8
        usual: dict[str, Any] = {"first_month": first, "is_acquisition": is_new}
        for answer_no in range(1, self.chance.choice([1, 1, 1, 2, 3]) + 1):
            arrival = slot if answer_no == 1 else self.chance.randint(slot, len(MONTHS))
            answer = self._one_answer(payment, village, answer_no, usual)
            self.facts.append((arrival, answer))
            if isinstance(answer, CoverageDeclined):
                break  # the money is in suspense from then on, for good

    def _one_answer(
        self, payment: PaymentSettled, village: Village, answer_no: int, usual: dict[str, Any]
    ) -> Answer:
        kind = self.chance.random() if answer_no > 1 else self.chance.choice([0.0, 0.0, 0.0, 0.95])
        months = sorted({line.month for line in payment.lines})
        if kind < 0.2:
            return village.extend(payment, answer_no=answer_no, **usual)
        if kind < 0.4:
            other = self.chance.choice(self.villages)
            return other.extend(payment, answer_no=answer_no, **usual)
        if kind < 0.5:
            branch = {**usual, "agent_id": None, "wadah_id": None}
            return village.extend(payment, answer_no=answer_no, **branch)
        if kind < 0.65:
            kept = self.chance.randint(0, len(months) - 1)
            return village.withdraw(payment, months[kept:], answer_no=answer_no, **usual)
        if kind < 0.75:
            moved = {**usual, "counts_at": self.instant()}
            return village.extend(payment, answer_no=answer_no, **moved)
        if kind < 0.85:
            corrected = {
                "first_month": usual["first_month"].plus(-self.chance.choice([1, 24])),
                "is_acquisition": not usual["is_acquisition"],
            }
            return village.extend(payment, answer_no=answer_no, **corrected)
        if kind < 0.9:
            moved = {**usual, "wadah_id": self.chance.choice(self.wadahs)}
            return village.extend(payment, answer_no=answer_no, **moved)
        return village.decline(payment, answer_no=answer_no)

    def _prices(self) -> Prices:
        odd = self.chance.randrange(1, 100)
        prices: Prices = {"jkk": (odd, 0), "jkm": (6_800, 0)}
        return {**prices, "jht": (19_999 + odd, 0)} if self.chance.random() < 0.7 else prices

    def list_arrivals(self, slot: int) -> list[Event]:
        """Return the events that arrive after so many closings, in any order."""
        events = [event for arrival, event in self.facts if arrival == slot]
        self.chance.shuffle(events)
        return events


async def hear(session: AsyncSession, chance: random.Random, events: Sequence[Event]) -> None:
    """Apply events in pieces, some of them twice, and compute at times."""
    await book(session, [each for each in events if isinstance(each, PaymentSettled)])
    rest = [*events, *chance.sample(events, len(events) // 10)]
    while rest:
        size = chance.choice([2, 30, 100])
        piece, rest = rest[:size], rest[size:]
        # A feed has runs of one class, so a piece is sorted into them.
        await apply_events(session, sorted(piece, key=lambda event: event.type))
        if chance.random() < 0.3:
            until = chance.choice([FAR_AHEAD, datetime(2025, 9, 3, tzinfo=JAKARTA)])
            await compute(session, until=until, at_once=chance.choice([20, 500]))
    await compute(session)


async def statements(session: AsyncSession, month: Month) -> dict[UUID, int]:
    rows = await session.scalars(select(Statement).where(Statement.month == month))
    return {row.beneficiary_id: row.amount for row in rows if row.amount}


async def check_places(
    session: AsyncSession, month: Month, history: History, oracle: Oracle
) -> None:
    """Check that each agent's statement has the wadah of the day on which the month was closed."""
    first = {village.agent_id: village.wadah_id for village in history.villages}
    closed_on = noon(month.plus(1)).date()
    rows = await session.scalars(select(Statement).where(Statement.month == month))
    for row in rows:
        if row.beneficiary_id in first:
            agent_id = row.beneficiary_id
            assert row.wadah_id == oracle.wadah_of(agent_id, first[agent_id], closed_on)


async def standing(session: AsyncSession) -> set[tuple[Any, ...]]:
    """Return the lines that stand, whole but for when they were booked."""
    columns = [getattr(CommissionLine, each.name) for each in fields(Line)]
    rows = await session.execute(
        select(CommissionLine.entry_no, *columns).order_by(CommissionLine.entry_no)
    )
    last = {Line(*values).key: Line(*values) for _, *values in rows}
    return {
        tuple(getattr(line, each.name) for each in fields(Line))
        for line in last.values()
        if line.base > 0
    }


@pytest.mark.parametrize("seed", SEEDS)
async def test_statements_and_lines_are_those_of_the_oracle_and_of_a_replay(
    session: AsyncSession, close: Close, seed: int
) -> None:
    chance = random.Random(seed)
    history = History(chance)
    oracle = Oracle(THRESHOLD)
    expected = Statements(oracle)
    await add_scheme(session)

    async with session.begin_nested() as savepoint:
        for slot, month in enumerate(MONTHS):
            events = history.list_arrivals(slot)
            for event in events:
                oracle.hear(event)
            await hear(session, chance, events)
            await close(month)
            assert await statements(session, month) == expected.close(str(month))
            await check_places(session, month, history, oracle)
        late = history.list_arrivals(len(MONTHS))
        for event in late:
            oracle.hear(event)
        await hear(session, chance, late)
        await close(MONTHS[-1].plus(1))
        assert await statements(session, MONTHS[-1].plus(1)) == expected.close("2026-01")
        assert await earned(session) == oracle.earned()
        # Answers here move the instant of an allocation, which the verification would report.
        assert await find_book_faults(session) == []
        with_closings = await standing(session)
        await savepoint.rollback()

    everything = [event for _, event in history.facts]
    chance.shuffle(everything)
    await hear(session, chance, everything)

    assert await earned(session) == oracle.earned()
    assert await standing(session) == with_closings
