"""Random histories of members: payments, reversals, declarations and endings, likely or not."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from member_service_tests.registrations import oracle

from member_service.registrations import rules
from member_service.registrations.rules import (
    Allocation,
    Declaration,
    Ending,
    EndReason,
    Person,
    Terms,
    WaitingMonth,
)
from perisai_kit.domain.month import Month, list_months

TERMS = Terms(
    declaration_days=30,
    opening_margin=timedelta(hours=2),
    waiting=WaitingMonth.OVER,
    evidence=frozenset({"member_statement", "bpjs_record"}),
)
"""The defaults of the settings."""

BEGIN = date(2026, 1, 1)
DAYS = 540
REASONS = (EndReason.DEATH, EndReason.CLAIM, EndReason.STOPPED_WORKING, EndReason.CHOICE)


@dataclass(frozen=True)
class MemberHistory:
    """One member's history, for both calendars. known_on: the day of knowledge.

    allocations: those that stand. reversed: those that a bank took back.
    """

    allocations: tuple[Allocation, ...]
    reversed: tuple[Allocation, ...]
    person: Person
    known_on: date

    def judged(self, order: Random | None = None) -> rules.History:
        """Judge the history; order: shuffles the arrival of everything."""
        allocations, person = list(self.allocations), self.person
        if order is not None:
            order.shuffle(allocations)
            person = Person(
                person.birth_date,
                order.sample(person.declarations, len(person.declarations)),
                order.sample(person.endings, len(person.endings)),
            )
        return rules.judge(allocations, person, terms=TERMS, known_on=self.known_on)

    def walked(self) -> oracle.Verdicts:
        money = [
            oracle.Money(each.id, each.counts_at, each.issued_at, list(each.months))
            for each in self.allocations
        ]
        life = oracle.Life(
            self.person.birth_date,
            [(each.declared_on, each.made_at) for each in self.person.declarations],
            sorted((each.ended_on, each.reason.value) for each in self.person.endings),
        )
        return oracle.walk(money, life, known_on=self.known_on)


def random_history(chance: Random) -> MemberHistory:
    """Return a history of some eighteen months."""
    allocations = _likely(chance) + [_unlikely(chance) for _ in range(chance.choice((0, 0, 1, 3)))]
    kept: list[Allocation] = []
    taken_back: list[Allocation] = []
    for each in allocations:
        (kept if chance.random() > 0.1 else taken_back).append(each)
    declarations = [_declaration(chance) for _ in range(chance.randrange(3))]
    if chance.random() < 0.8:
        declarations += [_declared_for(each) for each in kept if chance.random() < 0.8]
    person = Person(
        birth_date=_birth_date(chance),
        declarations=tuple(declarations),
        endings=tuple(_ending(chance) for _ in range(chance.choice((0, 0, 0, 1, 2)))),
    )
    known_on = BEGIN + timedelta(days=chance.randrange(DAYS + 200))
    return MemberHistory(tuple(kept), tuple(taken_back), person, known_on)


def _likely(chance: Random) -> list[Allocation]:
    """Return payments of a member who mostly pays in order and sometimes forgets."""
    paid_to = Month.of(BEGIN).plus(chance.randrange(-1, 3))
    found: list[Allocation] = []
    at = _moment(chance, BEGIN + timedelta(days=chance.randrange(60)))
    while at.date() < BEGIN + timedelta(days=DAYS) and len(found) < 14:
        present = Month.of(oracle.civil(at))
        if paid_to < present.plus(-4) or chance.random() < 0.1:
            paid_to = present.plus(chance.choice((-1, -1, 0)))
        months = list_months(paid_to.plus(1), chance.choice((1, 1, 1, 2, 3, 6)))
        found.append(_allocation(chance, at, months))
        paid_to = months[-1]
        at = _moment(
            chance, at.date() + timedelta(days=chance.choice((5, 30, 30, 35, 61, 95, 150)))
        )
    return found


def _unlikely(chance: Random) -> Allocation:
    at = _moment(chance, BEGIN + timedelta(days=chance.randrange(DAYS)))
    first = Month.of(oracle.civil(at)).plus(chance.randrange(-5, 7))
    months = list_months(first, chance.choice((1, 1, 2, 4)))
    if len(months) > 2 and chance.random() < 0.5:
        months = (months[0], *months[2:])
    if chance.random() < 0.1:
        months = ()  # JHT alone
    return _allocation(chance, at, months)


def _allocation(chance: Random, at: datetime, months: tuple[Month, ...]) -> Allocation:
    issued_at = at - timedelta(hours=chance.choice((0, 1, 24, 70)))
    return Allocation(UUID(int=chance.getrandbits(128)), at, issued_at, months)


def _moment(chance: Random, day: date) -> datetime:
    """Return a moment of a day; often its very beginning or end, and sometimes one for all."""
    start = oracle.start_of(day)
    if chance.random() < 0.2:
        return start + chance.choice((timedelta(), timedelta(days=1, microseconds=-1)))
    if chance.random() < 0.1:
        return start + timedelta(hours=9)
    return start + timedelta(seconds=chance.randrange(86_400))


def _declaration(chance: Random) -> Declaration:
    at = _moment(chance, BEGIN + timedelta(days=chance.randrange(-40, DAYS)))
    back = timedelta(days=chance.choice((0, 0, 1, 20)))
    return Declaration(UUID(int=chance.getrandbits(128)), oracle.civil(at) - back, at)


def _declared_for(allocation: Allocation) -> Declaration:
    at = allocation.issued_at
    return Declaration(UUID(int=allocation.id.int ^ 1), oracle.civil(at), at)


def _birth_date(chance: Random) -> date:
    if chance.random() < 0.7:
        return date(1985, 5, 17)
    if chance.random() < 0.3:
        return date(1960, 2, 29) if chance.random() < 0.5 else date(1961, 3, 1)
    return date(1961, 1, 1) + timedelta(days=chance.randrange(DAYS))


def _ending(chance: Random) -> Ending:
    ended_on = BEGIN + timedelta(days=chance.randrange(DAYS + 60))
    if chance.random() < 0.3:
        ended_on = ended_on.replace(day=1)
    return Ending(ended_on, chance.choice(REASONS))
