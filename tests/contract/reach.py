"""What each scope gets by the reach of a route; the reach of every route is in scopes.py."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contract.roles import A, D, E, F, M, S, W

from perisai_kit.auth.principal import Role, ScopeKind

BRANCH = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
NEIGHBOUR = {"kind": ScopeKind.BRANCH, "code": "JBR", "region": "JTM"}
REGION = {"kind": ScopeKind.REGION, "code": "JTM"}
OTHER_REGION = {"kind": ScopeKind.REGION, "code": "SUL"}
COUNTRY = {"kind": ScopeKind.COUNTRY}

SCOPES: dict[str, dict[str, Any] | None] = {
    "own branch": BRANCH,
    "another branch": NEIGHBOUR,
    "own region": REGION,
    "another region": OTHER_REGION,
    "no scope": None,
    "country": COUNTRY,
}
PEOPLE = frozenset({M, A, W})
"""Their own members and earnings decide, not a scope."""
OWN = "own"


class Outcome(StrEnum):
    """done: neither 403 nor 404. listed: 200 with the object in it, absent: without it."""

    DONE = "done"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    LISTED = "listed"
    ABSENT = "absent"


DONE, FORBIDDEN, NOT_FOUND = Outcome.DONE, Outcome.FORBIDDEN, Outcome.NOT_FOUND
LISTED, ABSENT = Outcome.LISTED, Outcome.ABSENT


class Reach(StrEnum):
    """How far a scope reaches at a route."""

    ANYWHERE = "no scope is needed"
    COUNTRY = "the whole country"
    OBJECT = "an object within the scope, or of one's own"
    LIST = "lists what OBJECT finds"
    PLACE = "the branch named in the body must lie within the scope"
    OWN_BRANCH = "the scope must be a branch, where the new object begins"
    SELF = "one's own account only"


EXPECTED: dict[Reach, dict[str, Outcome]] = {
    Reach.ANYWHERE: dict.fromkeys(SCOPES, DONE),
    Reach.COUNTRY: {
        "own branch": FORBIDDEN,
        "another branch": FORBIDDEN,
        "own region": FORBIDDEN,
        "another region": FORBIDDEN,
        "no scope": FORBIDDEN,
        "country": DONE,
    },
    Reach.OBJECT: {
        "own branch": DONE,
        "another branch": NOT_FOUND,
        "own region": DONE,
        "another region": NOT_FOUND,
        "no scope": NOT_FOUND,
        "country": DONE,
    },
    Reach.LIST: {
        "own branch": LISTED,
        "another branch": ABSENT,
        "own region": LISTED,
        "another region": ABSENT,
        "no scope": ABSENT,
        "country": LISTED,
    },
    Reach.PLACE: {
        "own branch": DONE,
        "another branch": FORBIDDEN,
        "own region": DONE,
        "another region": FORBIDDEN,
        "no scope": FORBIDDEN,
        "country": DONE,
    },
    Reach.OWN_BRANCH: {
        "own branch": DONE,
        "another branch": DONE,
        "own region": FORBIDDEN,
        "another region": FORBIDDEN,
        "no scope": FORBIDDEN,
        "country": FORBIDDEN,
    },
    Reach.SELF: dict.fromkeys(SCOPES, NOT_FOUND),
}


@dataclass(frozen=True)
class Rule:
    """The reach of a route.

    blind: roles that the route lets in, and that find nothing whatever their scope. refused: roles
    that find the object, and may not do this to it. all_seeing: roles without a scope that are
    shown the object all the same. shows: the name of the id that a list shows. second_person: the
    code of the refusal to the person who acted first; with one, two people are needed. of_bank: it
    is about one bank partner, and a bank's engineer gets it of the own one.
    """

    reach: Reach
    blind: frozenset[Role] = frozenset()
    refused: frozenset[Role] = frozenset()
    all_seeing: frozenset[Role] = frozenset()
    shows: str = ""
    second_person: str = ""
    of_bank: bool = False

    def expect(self, role: Role, scope: str) -> Outcome:
        """Return what the role gets with one of SCOPES, or with OWN as the object's people."""
        found = EXPECTED[self.reach]
        nothing = ABSENT if self.reach is Reach.LIST else NOT_FOUND
        is_personal = self.reach in {Reach.OBJECT, Reach.LIST}
        if role is E and self.of_bank:
            return DONE if scope == OWN else NOT_FOUND
        if role in self.blind:
            return nothing
        if role in self.all_seeing:
            return found["country"]
        if role is D and scope == "no scope":  # Every administrator has the country.
            scope = "country"
        if role is S:
            outcome = found["country"]
        elif is_personal and role in PEOPLE:
            outcome = found["country"] if scope == OWN else nothing
        else:
            outcome = found["own branch" if scope == OWN else scope]
        return FORBIDDEN if role in self.refused and outcome is DONE else outcome


ANYWHERE = Rule(Reach.ANYWHERE)
COUNTRY_ONLY = Rule(Reach.COUNTRY)
OBJECT = Rule(Reach.OBJECT)
# Somebody else's application is not the business of agents, members, services and finance.
APPLICATION = frozenset({A, M, S, F})
# Members and services have nothing to do with other people's agents.
AGENT = frozenset({M, S})
