"""Whether an agent counts as inactive.

Source: docs/domain.md, Deactivation: three months in a row without new members and without
contributions (S5 2018, S7 2022). Whether the new scheme asks for both or for either is not
certain, so the policy is a setting; both is the default because S5 names both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from perisai_kit.domain.month import Month, list_months


class LackingActivity(StrEnum):
    """What an agent must lack in the whole window to be inactive."""

    BOTH = "both"
    EITHER = "either"


class FactKind(StrEnum):
    ACQUISITION = "acquisition"
    CONTRIBUTION = "contribution"


@dataclass(frozen=True, slots=True)
class Policy:
    """window_months: how many full months are looked at, at least 1."""

    window_months: int
    lacking: LackingActivity


@dataclass(frozen=True, slots=True)
class Counts:
    """One month: new members acquired, payments of members received."""

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
