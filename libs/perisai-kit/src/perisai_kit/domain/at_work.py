"""Whether an agent is at work on a day: the rule that three services share.

Source: docs/domain.md, Care.
"""

from collections.abc import Iterable
from datetime import date, datetime

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
