from datetime import date
from uuid import UUID

from agent_service.activity.rules import LackingActivity
from perisai_kit.http.types import MonthText, Out


class ActivityMonthOut(Out):
    """New members acquired, and payments of members received, in one month."""

    month: MonthText
    acquisitions: int
    contributions: int


class ActivityVerdictOut(Out):
    """Whether the agent counts as inactive: `lacking` says what must be missing in the window.

    `complete`: the agent was in office during the whole window; otherwise he is never inactive.
    """

    window: tuple[MonthText, ...]
    lacking: LackingActivity
    complete: bool
    no_acquisition: bool
    no_contribution: bool
    inactive: bool


class ActivityOut(Out):
    agent_id: UUID
    in_office_since: date
    months: tuple[ActivityMonthOut, ...]
    verdict: ActivityVerdictOut
