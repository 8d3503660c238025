"""What counts as an agent's work, and whether an agent counts as inactive.

Source: docs/domain.md, Deactivation: three months in a row without new members and without
contributions (S5 2018, S7 2022). Whether the new scheme asks for both or for either is not
certain, so the policy is a setting; both is the default because S5 names both.
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
    """window_months: how many full months are looked at, at least 1."""

    window_months: int
    lacking: LackingActivity


@dataclass(frozen=True, slots=True)
class Answer:
    """What member-service last said about one payment. agent_id: whose work it is, or nobody's."""

    payment_id: UUID
    answer_no: int
    agent_id: UUID | None
    counts_on: date
    is_acquisition: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """New members acquired, payments of members received, in one day or month."""

    acquisitions: int = 0
    contributions: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """window: the full months looked at; complete: the agent was in office in all of them."""

    window: tuple[Month, ...]
    complete: bool
    no_acquisition: bool
    no_contribution: bool
    inactive: bool


def keep_latest(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answer with the highest number for each payment, in whichever order they came."""
    latest: dict[UUID, Answer] = {}
    for answer in answers:
        known = latest.get(answer.payment_id)
        if known is None or known.answer_no < answer.answer_no:
            latest[answer.payment_id] = answer
    return list(latest.values())


def count_by_month(
    days: Mapping[date, Counts], *, at_work_on: Callable[[date], bool]
) -> dict[Month, Counts]:
    """Add the days of each month up; a month without any is absent.

    An acquisition of a day on which the agent was not at work counts for nobody.
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


def window_before(today: date, months: int) -> tuple[Month, ...]:
    """Return the `months` full months before the month of `today`, oldest first."""
    return list_months(Month.of(today).plus(-months), months)


def judge(
    counts: Mapping[Month, Counts], *, in_office_since: date, today: date, policy: Policy
) -> Verdict:
    """Judge the last full months of an agent.

    counts: months without anything may be absent. in_office_since: the day of the activation or of
    the last reinstatement; an agent who was not in office for the whole window is not inactive.
    """
    window = window_before(today, policy.window_months)
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
