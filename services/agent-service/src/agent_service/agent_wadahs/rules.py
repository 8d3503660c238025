"""The status of a move to another wadah, and why a planned one is cancelled.

Source: docs/domain.md, Moves to another wadah.
"""

from enum import StrEnum


class WadahMoveStatus(StrEnum):
    """withdrawn: by a person. cancelled: by what became of the agent or the new wadah.

    An approved move is planned until its first day, and has begun from then on.
    """

    PROPOSED = "proposed"
    REJECTED = "rejected"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"


LIVE = (WadahMoveStatus.PROPOSED, WadahMoveStatus.APPROVED)
"""Before its first day such a move can be withdrawn or cancelled."""


class CancelReason(StrEnum):
    """Why a move is cancelled before its first day."""

    AGENT_SUSPENDED = "agent_suspended"
    AGENT_DISMISSED = "agent_dismissed"
    WADAH_TERMINATED = "wadah_terminated"


WITHDRAWN_REASON = "withdrawn"
"""The reason in the event of a move that a person withdrew."""
