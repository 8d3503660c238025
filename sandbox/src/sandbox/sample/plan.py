"""What the sample data holds: who, in which month, with which bills. Pure; no request is made here.

Months are counted back from the present one: 0 is the present month, 7 the month seven months ago.
The same plan comes out each time: names, NIKs and telephones are made from a fixed seed.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import cycle, islice
from random import Random

from sandbox.demo.people import Person, new_adult

SEED = 17
NAMESPACE = uuid.UUID("6f0d7a52-3f0a-4c1e-9d55-0a4c1d1b7e11")
"""Of the members' ids."""
BORN_AS_OF = date(2025, 1, 1)
"""The people are 20 to 59 years old on this day, however late a sandbox is made."""
FIRST_MONTH = 8
"""Months ago: in this month the wadahs and the agents begin."""
OFFICER = -1
"""Instead of an agent: the branch officer enrols."""


class Outcome(StrEnum):
    """What becomes of a bill. One that stays unpaid is open, or expires after its week."""

    PAID = "paid"
    UNPAID = "unpaid"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class PlannedBill:
    """A bill issued some months ago for `count` months, the first of them `first` months ago.

    declared: the member declares work once more before it, as a return needs.
    """

    issued: int
    first: int
    count: int
    outcome: Outcome
    declared: bool = False

    @property
    def last(self) -> int:
        return self.first - self.count + 1


@dataclass(frozen=True, slots=True)
class History:
    """What happens to a member; `standing` is what it comes to.

    ended: how many months ago the branch reported that the member stopped working.
    """

    standing: str
    enrolled: int
    bills: tuple[PlannedBill, ...] = ()
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """A member of the sample data.

    desk: place of the agent who enrols, or OFFICER. sign_in: name in sandbox.json.
    """

    id: str
    person: Person
    desk: int
    history: History
    sign_in: str | None = None

    def paid_through(self, months_ago: int) -> int | None:
        """Return the last month paid by then, in months ago; None when nothing was paid."""
        bills = [each for each in self.history.bills if each.outcome is Outcome.PAID]
        return min((each.last for each in bills if each.issued >= months_ago), default=None)


@dataclass(frozen=True, slots=True)
class PlannedApplication:
    """An application of a member to a wadah, made `applied` months ago."""

    member: PlannedMember
    wadah: int
    applied: int
    status: str


@dataclass(frozen=True, slots=True)
class PlannedWadah:
    """sign_in: name of its administrator's account. pays: who is paid by its agreements."""

    name: str
    sign_in: str
    pays: str | None = None

    @property
    def email(self) -> str:
        """Where its administrator gets notices. Source: RFC 2606, example.org is nobody's."""
        return f"{self.sign_in}@example.org"


@dataclass(frozen=True, slots=True)
class Plan:
    """agents: the members who become agents, in the order of their desks."""

    first_month: int
    wadahs: tuple[PlannedWadah, ...]
    members: tuple[PlannedMember, ...]
    applications: tuple[PlannedApplication, ...]

    @property
    def agents(self) -> tuple[PlannedMember, ...]:
        return tuple(each.member for each in self.applications if each.status == "active")

    @property
    def size(self) -> int:
        """How many things are made, for the progress line."""
        bills = sum(len(each.history.bills) for each in self.members)
        return len(self.members) + len(self.applications) + bills


def paid(issued: int, count: int = 1, *, first: int | None = None) -> PlannedBill:
    return PlannedBill(issued, issued if first is None else first, count, Outcome.PAID)


def returning(issued: int, count: int = 1) -> PlannedBill:
    """Return a paid bill that registers a lapsed member anew."""
    return PlannedBill(issued, issued, count, Outcome.PAID, declared=True)


def unpaid(issued: int, count: int = 1, *, first: int | None = None) -> PlannedBill:
    return PlannedBill(issued, issued if first is None else first, count, Outcome.UNPAID)


def voided(issued: int) -> PlannedBill:
    return PlannedBill(issued, issued, 1, Outcome.VOID)


HISTORIES: tuple[tuple[int, History], ...] = (
    # Active: pays for a year, for half a year, for a quarter, for each month, since this month.
    (9, History("active", 6, (paid(6, 12),))),
    (4, History("active", 6, (paid(6, 6), paid(0)))),
    (4, History("active", 3, (paid(3, 3), paid(0, 3)))),
    (2, History("active", 2, (paid(2), paid(1), paid(0)))),
    (9, History("active", 0, (paid(0),))),
    # Has paid until last month: active until the due day, and then in grace.
    (4, History("due", 4, (paid(4, 4), unpaid(0)))),
    # In grace: two or three months are unpaid, with an open bill for them, an ended one or none.
    (4, History("grace", 6, (paid(6, 5), unpaid(0, 2, first=1)))),
    (2, History("grace", 5, (paid(5, 3), unpaid(1, first=2)))),
    (3, History("grace", 7, (paid(7, 6),))),
    # Lapsed; some were asked once more.
    (3, History("lapsed", 7, (paid(7, 3),))),
    (2, History("lapsed", 7, (paid(7, 4), unpaid(2, first=3)))),
    # Lapsed, and registered anew by a payment.
    (3, History("active", 7, (paid(7), returning(1, 3)))),
    # Stopped working in the last month that was paid.
    (2, History("ended", 5, (paid(5, 2),), ended=4)),
    # Has never paid: no bill, an open one, an ended one, a void one.
    (3, History("registered_unpaid", 0)),
    (3, History("registered_unpaid", 0, (unpaid(0),))),
    (2, History("registered_unpaid", 3, (unpaid(3),))),
    (1, History("registered_unpaid", 1, (voided(1),))),
)
"""Sixty members of the three agents: how many with each history."""
SIGN_INS = ("active", "grace", "lapsed", "registered_unpaid")
"""The first member of each of these standings has a name in sandbox.json."""
AGENT = History("active", FIRST_MONTH, (paid(FIRST_MONTH, 12),))
APPLICANT = History("registered_unpaid", 1)
APPLICATIONS = (
    ("applied", 0),
    ("docs_incomplete", 0),
    ("verified", 0),
    ("training", 0),
    ("exam_passed", 0),
    ("exam_failed", 1),
    ("rejected", 1),
    ("withdrawn", 1),
)
"""The statuses of the applications beside the agents', and the month in which they are made."""
WADAHS = (
    PlannedWadah("Rukun Nelayan Banyuwangi", "wadah1"),
    PlannedWadah("Kelompok Tani Blambangan", "wadah2", pays="agents"),
)
AGENTS = (("agent", 0), ("agent2", 0), ("agent3", 1))
"""The agents' sign-ins and the places of their wadahs."""


def make_plan() -> Plan:
    """Return the whole sample data: two wadahs, three agents, sixty members, eight applicants."""
    people = _People()
    agents = [
        PlannedApplication(people.next(OFFICER, AGENT, name), wadah, FIRST_MONTH, "active")
        for name, wadah in AGENTS
    ]
    histories = [history for count, history in HISTORIES for _ in range(count)]
    desks = islice(cycle(range(len(AGENTS))), len(histories))
    members = [people.next(desk, each) for desk, each in zip(desks, histories, strict=True)]
    applicants = [
        PlannedApplication(
            people.next(OFFICER, APPLICANT, "applicant" if status == "exam_passed" else None),
            place % len(WADAHS),
            applied,
            status,
        )
        for place, (status, applied) in enumerate(APPLICATIONS)
    ]
    officers = [each.member for each in (*agents, *applicants)]
    return Plan(
        first_month=FIRST_MONTH,
        wadahs=WADAHS,
        members=(*officers, *_with_sign_ins(members)),
        applications=(*agents, *applicants),
    )


def make_small_plan() -> Plan:
    """Return one wadah, one agent and one member, all of the present month, without a bill."""
    people = _People()
    agent = people.next(OFFICER, History("registered_unpaid", 0), "agent")
    member = people.next(OFFICER, History("registered_unpaid", 0), "member")
    return Plan(
        first_month=0,
        wadahs=WADAHS[:1],
        members=(agent, member),
        applications=(PlannedApplication(agent, 0, 0, "active"),),
    )


def _with_sign_ins(members: Sequence[PlannedMember]) -> list[PlannedMember]:
    """Give the first member of each standing a name."""
    names = {each: f"member-{each.rpartition('_')[2]}" for each in SIGN_INS}
    names["active"] = "member"
    return [
        PlannedMember(
            each.id, each.person, each.desk, each.history, names.pop(each.history.standing, None)
        )
        for each in members
    ]


class _People:
    """Makes up the same people in the same order each time."""

    def __init__(self) -> None:
        self._chance = Random(SEED)
        self._count = 0

    def next(self, desk: int, history: History, sign_in: str | None = None) -> PlannedMember:
        self._count += 1
        person = new_adult(BORN_AS_OF, self._chance)
        member_id = str(uuid.uuid5(NAMESPACE, str(self._count)))
        return PlannedMember(member_id, person, desk, history, sign_in)
