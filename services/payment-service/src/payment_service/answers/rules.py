"""What became of a payment for the member. member-service decides; nothing is decided here."""

from enum import StrEnum


class AnswerOutcome(StrEnum):
    """extended: it pays months. withdrawn: some or all of them do not count any more."""

    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"


class PaymentCoverage(StrEnum):
    """As AnswerOutcome, for a payment that may still wait for its answer."""

    WAITING = "waiting"
    EXTENDED = "extended"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
