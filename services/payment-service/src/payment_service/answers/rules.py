"""What became of an allocation for the member. member-service decides; nothing is decided here."""

from enum import StrEnum


class AnswerOutcome(StrEnum):
    """extended: it pays months. withdrawn: some or all of them do not count any more."""

    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"


class AllocationCoverage(StrEnum):
    """As AnswerOutcome, for an allocation that may still wait for its answer."""

    WAITING = "waiting"
    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
