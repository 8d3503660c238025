"""Whether an agent was at work on a day, and why a wadah's incentive is held.

Source: docs/commissions.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from perisai_kit.domain import at_work
from perisai_kit.domain.jakarta import jakarta_date, midnight


class HeldReason(StrEnum):
    """Why an override is held, judged on the day of the close."""

    WADAH_TERMINATED = "wadah_terminated"
    AGREEMENT_ENDED = "agreement_ended"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on an agent: at work from then on, or not."""

    decided_at: datetime
    is_at_work: bool

    @property
    def changes_from(self) -> datetime:
        """The beginning of the first Jakarta day that the decision can change."""
        day = jakarta_date(self.decided_at)
        return midnight(day if self.is_at_work else day + timedelta(days=1))


def is_at_work(decisions: Iterable[Decision], day: date) -> bool:
    """Tell whether an agent was at work on a Jakarta day. decisions: all of the agent."""
    return at_work.is_at_work(((each.decided_at, each.is_at_work) for each in decisions), day)
