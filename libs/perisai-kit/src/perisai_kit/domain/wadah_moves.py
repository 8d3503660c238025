"""Which wadah an agent belongs to on a day: the rule that three services share.

Source: docs/domain.md, Moves to another wadah.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID


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
