"""What holds of an agent on a day, at work and in which wadah: rules that three services share.

Source: docs/domain.md, Care and Moves to another wadah.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from perisai_kit.domain.jakarta import jakarta_date

DISMISSED_FOR_CAUSE = frozenset({"fraud", "crime", "gratification"})
"""Reasons of a dismissal after which an agent never returns and loses all rights (S20)."""


def is_at_work(decisions: Iterable[tuple[datetime, bool]], day: date) -> bool:
    """Tell whether an agent is at work on a Jakarta day.

    The day of a suspension or dismissal still counts, and so does the day of a reinstatement.
    decisions: when each was made and whether it puts the agent to work, in any order. Of two at
    one instant, the one that ends the work is the later.
    """
    at_work = False
    for decided_at, to_work in sorted(decisions, key=lambda each: (each[0], not each[1])):
        decided_on = jakarta_date(decided_at)
        if decided_on < day:
            at_work = to_work
        elif decided_on == day and to_work:
            at_work = True
    return at_work


@dataclass(frozen=True, slots=True)
class WadahMove:
    """A move that stands: from the Jakarta day `from_date` on the agent is of another wadah."""

    from_date: date
    from_wadah_id: UUID
    wadah_id: UUID


def find_wadah(moves: Iterable[WadahMove], day: date, *, otherwise: UUID) -> UUID:
    """Return the wadah of an agent on a day.

    It is the wadah of the latest move that has begun. Before the first move it is the wadah that
    the agent leaves. moves: all of the agent, in any order. otherwise: the wadah of an agent
    without a move.
    """
    ordered = sorted(moves, key=lambda each: each.from_date)
    begun = [each for each in ordered if each.from_date <= day]
    if begun:
        return begun[-1].wadah_id
    return ordered[0].from_wadah_id if ordered else otherwise
