"""Which members a list shows, and in which order."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from member_service.members.rules import (
    RegistrationState,
    Standing,
    find_standing,
    has_unpaid_months,
)
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.month import Month


class Sort(StrEnum):
    """The order of a list. A leading `-` is descending; equal rows follow by id.

    Names are encrypted, so that no list can be sorted by name.
    """

    NEWEST = "-enrolled_at"
    OLDEST = "enrolled_at"
    LAPSES_ON = "lapses_on"


OPEN_ONLY = frozenset({Sort.LAPSES_ON})
"""These orders exist for open registrations only, so the list shows no other members."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to: a member must meet all that are set.

    lapses_before: the first day without membership is before it, if nothing more is paid.
    agent_id: the agent of today. without_agent: cared for by the branch itself. words: the hashes
    of search terms, only for members whose name the reader may see.
    """

    standing: Standing | None = None
    lapses_before: date | None = None
    unpaid_months_min: int | None = None
    village: str | None = None
    agent_id: UUID | None = None
    without_agent: bool = False
    words: tuple[int, ...] = ()


def may_search(viewer: Principal) -> bool:
    """Tell whether the reader may see the name of any member: a search tells names, too."""
    return viewer.has(Role.MEMBER, Role.AGENT, Role.BRANCH_OFFICER, Role.ADMIN)


def is_contradiction(filters: Filters, sort: Sort) -> bool:
    """Tell whether no member can meet these filters: they ask for open and for ended ones."""
    asks_open = (
        sort in OPEN_ONLY
        or filters.lapses_before is not None
        or filters.unpaid_months_min is not None
    )
    return asks_open and filters.standing not in (None, Standing.ACTIVE, Standing.GRACE)


def meets(
    state: RegistrationState | None, filters: Filters, *, sort: Sort, on: date, last_due: Month
) -> bool:
    """Tell whether a member's registration belongs in a list. SQL: queries.build_conditions.

    last_due: the last month whose due day has passed.
    """
    is_open = state is not None and state.is_open(on)
    if filters.standing is not None and filters.standing is not find_standing(
        state, on=on, last_due=last_due
    ):
        return False
    if filters.lapses_before is not None and not (
        is_open and state is not None and state.ends_on < filters.lapses_before
    ):
        return False
    count = filters.unpaid_months_min
    if count is not None and not has_unpaid_months(state, count, on=on, last_due=last_due):
        return False
    return is_open or sort not in OPEN_ONLY
