"""Rules for the activity of agents, and for counting an agent as inactive.

Source: docs/domain.md, Deactivation: three months in a row without new members and without
contributions (S5 2018, S7 2022). It is not certain whether the new scheme asks for both or either.
The policy is a setting, with both as default because S5 names both.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.month import Month, list_months


class LackingActivity(StrEnum):
    """What an agent must lack in the whole window to be inactive."""

    BOTH = "both"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Policy:
    """Policy for inactivity. window_months: the number of full months to judge, at least 1."""

    window_months: int
    lacking: LackingActivity


@dataclass(frozen=True, slots=True)
class Answer:
    """The latest answer to one allocation. agent_id: the agent who gets credit, or None."""

    allocation_id: UUID
    answer_no: int
    agent_id: UUID | None
    counts_on: date
    is_acquisition: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Acquisitions and contributions of members in one day or month."""

    acquisitions: int = 0
    contributions: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement. window: the full months judged. complete: in office during all of them."""

    window: tuple[Month, ...]
    complete: bool
    no_acquisition: bool
    no_contribution: bool
    inactive: bool


def keep_latest(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answer with the highest number for each allocation."""
    latest: dict[UUID, Answer] = {}
    for answer in answers:
        known = latest.get(answer.allocation_id)
        if known is None or known.answer_no < answer.answer_no:
            latest[answer.allocation_id] = answer
    return list(latest.values())


def count_by_month(
    days: Mapping[date, Counts], *, at_work_on: Callable[[date], bool]
) -> dict[Month, Counts]:
    """Add up the days of each month; a month without any is absent.

    An acquisition on a day when the agent was not at work does not count.
    """
    months: dict[Month, Counts] = {}
    for day, counts in days.items():
        month = Month.of(day)
        before = months.get(month, Counts())
        acquired = counts.acquisitions if at_work_on(day) else 0
        months[month] = Counts(
            before.acquisitions + acquired, before.contributions + counts.contributions
        )
    return months


def find_window(today: date, months: int) -> tuple[Month, ...]:
    """Return the `months` full months before the month of `today`, oldest first."""
    return list_months(Month.of(today).plus(-months), months)


def judge(
    counts: Mapping[Month, Counts], *, in_office_since: date, today: date, policy: Policy
) -> Verdict:
    """Judge the last full months of an agent.

    counts: months without activity may be absent. in_office_since: the day of the activation or of
    the last reinstatement. An agent who was not in office for the whole window is not inactive.
    """
    window = find_window(today, policy.window_months)
    complete = in_office_since <= window[0].first_day
    months = [counts.get(month, Counts()) for month in window]
    no_acquisition = all(month.acquisitions == 0 for month in months)
    no_contribution = all(month.contributions == 0 for month in months)
    both = policy.lacking is LackingActivity.BOTH
    lacks = no_acquisition and no_contribution if both else no_acquisition or no_contribution
    return Verdict(
        window=window,
        complete=complete,
        no_acquisition=no_acquisition,
        no_contribution=no_contribution,
        inactive=complete and lacks,
    )
