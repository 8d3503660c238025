"""What everybody earns in a half year, written from the model alone: the oracle.

It asks day by day who cares for a member and who works, and lets the naive calendar of
member-service's tests say which money counts. It shares no code with the services but the month.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from member_service_tests.registrations import oracle as calendar
from member_service_tests.registrations.oracle import Life, Money, Verdicts, civil, month_of

from perisai_kit.domain.month import Month

DAY = timedelta(days=1)


@dataclass
class Scheme:
    """The terms that the world runs under. threshold: acquisitions of an agent in a month."""

    threshold: int
    three: int
    two: int
    first: Fraction
    later: Fraction
    override: Fraction


@dataclass
class Decided:
    """Who is to care for a member from a day on. No agent: the branch."""

    from_date: date
    made_at: datetime
    agent: UUID | None
    at_once: bool = False
    withdrawn: bool = False


@dataclass
class Worker:
    """An agent: at work or not by each decision, and their own membership.

    moves: the first day in another wadah, and that wadah; cancelled ones are taken out.
    """

    wadah: UUID
    member: UUID | None
    decided: list[tuple[datetime, str]] = field(default_factory=list)
    moves: list[tuple[date, UUID]] = field(default_factory=list)

    def wadah_on(self, day: date) -> UUID:
        """Follow the agent from wadah to wadah until a day."""
        found = self.wadah
        for first_day, wadah in sorted(self.moves):
            if first_day <= day:
                found = wadah
        return found

    def works(self, day: date) -> bool:
        state = False
        for at, kind in sorted(self.decided):
            to_work = kind in ("activated", "reinstated")
            if civil(at) < day or (civil(at) == day and to_work):
                state = to_work
        return state

    def has_left(self, day: date) -> bool:
        return any(kind == "dismissed" and civil(at) < day for at, kind in self.decided)


@dataclass
class Paid:
    """A settled payment: rupiah by month and programme."""

    id: UUID
    issued_at: datetime
    counts_at: datetime
    amounts: dict[tuple[Month, str], int]

    @property
    def months(self) -> list[Month]:
        found: dict[Month, set[str]] = defaultdict(set)
        for month, programme in self.amounts:
            found[month].add(programme)
        return sorted(month for month, programmes in found.items() if {"jkk", "jkm"} <= programmes)

    @property
    def has_jht_first(self) -> bool:
        return (min(self.months), "jht") in self.amounts


@dataclass
class Person:
    life: Life
    decided: list[Decided] = field(default_factory=list)
    was_never_in_bpu: bool = True
    paid: list[Paid] = field(default_factory=list)


@dataclass
class World:
    scheme: Scheme
    agents: dict[UUID, Worker] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)


def find_agent(world: World, member_id: UUID, day: date) -> UUID | None:
    """Return the agent in care of a member on a day."""
    standing = [each for each in world.people[member_id].decided if not each.withdrawn]
    begun = [each for each in standing if each.from_date <= day]
    if not begun:
        begun = [min(standing, key=lambda each: each.from_date)]
    last = max(begun, key=lambda each: (each.from_date, each.made_at))
    if last.agent is None:
        return None
    agent = world.agents[last.agent]
    if agent.member == member_id or not agent.works(last.from_date) or agent.has_left(day):
        return None
    return last.agent


def verdicts(person: Person, known_on: date) -> Verdicts:
    money = [Money(each.id, each.counts_at, each.issued_at, each.months) for each in person.paid]
    return calendar.walk(money, person.life, known_on=known_on)


def earned(world: World, *, through: Month, known_on: date) -> dict[UUID, Fraction]:
    """Return what each agent and wadah has earned in rupiah by what is known on a day.

    through: the last month of earning.
    """
    totals: dict[UUID, Fraction] = defaultdict(Fraction)
    acquired: dict[tuple[UUID, Month], list[tuple[int, date]]] = defaultdict(list)
    for member_id, person in world.people.items():
        found = verdicts(person, known_on)
        counted = [each for each in person.paid if month_of(civil(each.counts_at)) <= through]
        for paid in counted:
            agent_id = earner(world, member_id, paid)
            if agent_id is None:
                continue
            day = civil(paid.counts_at)
            add(world, totals, agent_id, of_contributions(world, found, paid), day)
            if person.was_never_in_bpu and paid is first_standing(person, found):
                bonus = world.scheme.three if paid.has_jht_first else world.scheme.two
                acquired[agent_id, month_of(day)].append((bonus, day))
    for (agent_id, _), bonuses in acquired.items():
        if len(bonuses) >= world.scheme.threshold:
            for bonus, day in bonuses:
                add(world, totals, agent_id, Fraction(bonus), day)
    return totals


def of_contributions(world: World, found: Verdicts, paid: Paid) -> Fraction:
    """Return the agent's share of the months that a payment pays."""
    total = Fraction(0)
    for membership in found.memberships:
        for month, by in membership.payer_of.items():
            if by.id != paid.id:
                continue
            years = month.year - membership.first_month.year
            index = 12 * years + month.month - membership.first_month.month + 1
            amount = sum(each for (of, _), each in paid.amounts.items() if of == month)
            if index <= 60:
                total += amount * (world.scheme.first if index <= 24 else world.scheme.later)
    return total


def first_standing(person: Person, found: Verdicts) -> Paid | None:
    """Return the first payment of a person of which a month stands."""
    standing = {by.id for each in found.memberships for by in each.payer_of.values()}
    in_order = sorted(person.paid, key=lambda each: (each.counts_at, each.id))
    return next((each for each in in_order if each.id in standing), None)


def earner(world: World, member_id: UUID, paid: Paid) -> UUID | None:
    """Return the agent in care on the day the money counts, if at work on it."""
    day = civil(paid.counts_at)
    agent_id = find_agent(world, member_id, day)
    return agent_id if agent_id and world.agents[agent_id].works(day) else None


def add(
    world: World, totals: dict[UUID, Fraction], agent_id: UUID, amount: Fraction, day: date
) -> None:
    """Add what an agent earns on a day, and the share of the wadah of that day."""
    totals[agent_id] += amount
    totals[world.agents[agent_id].wadah_on(day)] += amount * world.scheme.override


@dataclass
class Books:
    """What was stated so far: each closing states what is new, rounded down, and keeps the rest."""

    stated: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))

    def close(self, world: World, month: Month, *, known_on: date) -> dict[UUID, int]:
        """Return the amount of each statement of a month; of nothing new there is none."""
        totals = earned(world, through=month, known_on=known_on)
        return self.state(totals)

    def state(self, totals: Mapping[UUID, Fraction]) -> dict[UUID, int]:
        found = {}
        for who in {*totals, *self.stated}:
            whole = floor(totals.get(who, Fraction(0)))
            if whole != self.stated[who]:
                found[who] = whole - self.stated[who]
                self.stated[who] = whole
        return found


def floor(amount: Fraction) -> int:
    return amount.numerator // amount.denominator
