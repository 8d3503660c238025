"""Who the models are, and how often each is copied. Pure.

Months are counted back from the present one, as in the sandbox's sample data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice

from sandbox.demo.people import DISTRICTS, FIRST_NAMES, LAST_NAMES, Person
from sandbox.sample.plan import History, PlannedBill, paid, returning, unpaid

QUARTER_AGO = 2
"""Months ago: all the other members enrol."""
RECENT: tuple[tuple[int, History], ...] = (
    (3, History("active", QUARTER_AGO, (paid(2), paid(1), paid(0)))),
    (4, History("active", QUARTER_AGO, (paid(2), paid(1, 2)))),
    (2, History("active", QUARTER_AGO, (paid(2, 3),))),
    # Has not paid the present month yet, and has a bill for it.
    (1, History("due", QUARTER_AGO, (paid(2), paid(1), unpaid(0)))),
)
"""How many of ten have which history of three months. The settled months of the last month that is
over are a little more than the members."""
MODEL_BRANCH, MODEL_REGION = "MODEL-BRANCH", "MODEL-REGION"
COPIES_MOST = 9_999
"""Copies of a person differ in the serial number of the NIK, which has four digits."""


@dataclass(frozen=True, slots=True)
class Model:
    """A person whom the product enrols. place: from 0. desk: of an agent; None: the branch's."""

    place: int
    person: Person
    history: History
    has_jht: bool
    desk: int | None

    def bills(self, months_ago: int) -> Iterator[PlannedBill]:
        return (each for each in self.history.bills if each.issued == months_ago)


@dataclass(frozen=True, slots=True)
class Plan:
    """One wadah with its agents and their members, and how many copies are made of it.

    members: of the wadah, agents among them. months: for which wadah and agents are there. long:
    members who have been there almost as long; all others enrol two months ago. branches: over
    which the copies are spread.
    """

    members: int = 200
    agents: int = 4
    long: int = 6
    months: int = 36
    copies: int = 5_000
    branches: int = 100

    def __post_init__(self) -> None:
        assert 1 <= self.copies <= COPIES_MOST
        assert self.agents + self.long < self.members <= LAST_PLACE

    @property
    def size(self) -> int:
        return self.members * self.copies

    def models(self, today: date) -> list[Model]:
        """Return the agents, then the members of three years, then all others."""
        others = self.members - self.agents - self.long
        recent = [history for count, history in RECENT for _ in range(count)]
        histories = [
            *([make_agent_history(self.months)] * self.agents),
            *islice(cycle(make_long_histories(self.months)), self.long),
            *islice(cycle(recent), others),
        ]
        return [self._model(place, each, today) for place, each in enumerate(histories)]

    def _model(self, place: int, history: History, today: date) -> Model:
        is_agent = place < self.agents
        # One in fifty is the branch's, as the agents themselves are.
        desk = None if is_agent or place % 50 == 49 else place % self.agents
        return Model(
            place,
            make_person(place, today),
            history,
            has_jht=place % 5 < 3,
            desk=desk,
        )


def make_long_histories(months: int) -> tuple[History, ...]:
    """Return the histories of members who have paid for so many months."""
    first, lapsed, back = months - 1, months // 2, months // 2 - 3
    before = tuple(paid(month) for month in range(first, lapsed, -1))
    after = tuple(paid(month) for month in range(back - 1, -1, -1))
    quarters = tuple(paid(month, 3) for month in range(first - 1, 0, -3))
    return (
        History("active", first, tuple(paid(month) for month in range(first, -1, -1))),
        History("active", first, (paid(first), *quarters)),
        # Lapsed in the middle, and registered anew.
        History("active", first, (*before, returning(back), *after)),
    )


def make_agent_history(months: int) -> History:
    """Return the history of an agent, who is a member too, from the first day on."""
    return History("active", months, tuple(paid(month, 12) for month in range(months, -1, -12)))


def make_plan(members: int) -> Plan:
    """Return the plan with so many members; the branches have about ten thousand each."""
    copies = max(1, members // Plan().members)
    return Plan(copies=copies, branches=max(1, min(100, copies // 5)))


LAST_PLACE = 420
"""Up to here each model has another date of birth."""


def make_person(place: int, today: date) -> Person:
    """Return the person of a model: no two have the first twelve digits of their NIKs in common."""
    born = date(today.year - 22 - place % 30, 1 + place % 12, 1 + place % 28)
    is_female = place % 2 == 1
    day = born.day + (40 if is_female else 0)
    district = DISTRICTS[place % len(DISTRICTS)]
    first = FIRST_NAMES[place % len(FIRST_NAMES)]
    last = LAST_NAMES[place // len(FIRST_NAMES) % len(LAST_NAMES)]
    return Person(
        nik=f"{district}{day:02d}{born.month:02d}{born.year % 100:02d}0001",
        full_name=f"{first} {last}",
        birth_date=born,
        phone=f"+62812{place:08d}",
        sex="female" if is_female else "male",
    )
