"""What is true of our own accounts, and of the stop of all payouts.

Source: docs/money.md, Payouts.
"""

from enum import StrEnum


class PayoutChannel(StrEnum):
    """snap: the bank's API. file: a file that an officer uploads at the bank."""

    SNAP = "snap"
    FILE = "file"


class PayoutAccountStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class StopStep(StrEnum):
    """One officer stops; to resume, one proposes and another confirms or rejects."""

    STOPPED = "stopped"
    RESUME_PROPOSED = "resume_proposed"
    RESUME_REJECTED = "resume_rejected"
    RESUMED = "resumed"
