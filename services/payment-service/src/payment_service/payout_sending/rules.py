"""When a payout may leave us, and what the bank's first answer makes of it.

Source: docs/payouts.md; docs/snap.md 4.5 for the answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.jakarta import JAKARTA

FIRST_INQUIRY = timedelta(seconds=7)
"""From an unclear answer to the first status inquiry. Source: docs/snap.md 4.5: 5 to 10 s."""
LOST_AFTER = timedelta(minutes=2)
"""From the sending to the first status inquiry where nothing is heard of the worker again: longer
than a bank may take to answer, 60 s at most."""
FIRST_REPEAT = timedelta(seconds=30)
LONGEST_REPEAT = timedelta(hours=1)
NAME_MISMATCH = "name_mismatch"
"""In the place of a bank's code: the bank names another holder of the account."""


class NameVerdict(StrEnum):
    """What a bank says about the holder of an account. unknown: nothing usable; ask again."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class HeldBack(StrEnum):
    """Why a transfer stays where it is. taken: another worker has it, or it is over.

    route_changed: the account got another route since it was read. tax_changed: less tax is due
    than it would remit, so it was withdrawn.
    """

    STOPPED = "stopped"
    ACCOUNT_NOT_ACTIVE = "account_not_active"
    CUT_OFF = "cut_off"
    DAILY_CAP = "daily_cap"
    ROUTE_CHANGED = "route_changed"
    TAX_CHANGED = "tax_changed"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transfer that nothing was sent for; amount in rupiah."""

    transfer_id: UUID
    amount: int


REFUSED_ACCOUNTS = frozenset(
    {(403, "05"), (403, "09"), (403, "15"), (403, "18"), (404, "03"), (404, "11")}
)
"""Do Not Honor, dormant, not permitted, inactive, bank not supported, invalid account: of services
15 and 16, HTTP status and case. Source: docs/snap.md, Response codes."""


def refuses_account(http_status: int, case_code: str) -> bool:
    """Tell whether a bank that was asked whose account it is pays nothing into it.

    Other refusals are about us or the moment: the transfer waits.
    """
    return (http_status, case_code) in REFUSED_ACCOUNTS


def is_open(cut_off: time, *, at: datetime) -> bool:
    """Tell whether an account still sends on this Jakarta day."""
    return at.astimezone(JAKARTA).time() < cut_off


def fits_cap(amount: int, *, sent: int, cap: int) -> bool:
    """Tell whether an amount may follow what was sent on a day; all in rupiah."""
    return sent + amount <= cap


def choose(waiting: Iterable[Waiting], *, room: int) -> list[Waiting]:
    """Return the transfers that fit into so many rupiah, in their order.

    One that is too large waits, and smaller ones behind it go.
    """
    chosen = []
    for each in waiting:
        if each.amount <= room:
            chosen.append(each)
            room -= each.amount
    return chosen


def find_room(*, cap: int, sent: int, funds: int, in_flight: int) -> int:
    """Return how many rupiah may be sent now, 0 or more.

    funds: what the bank says is there. in_flight: sent and not settled; it may not be booked yet.
    """
    return max(0, min(cap - sent, funds - in_flight))


def pause_before_repeat(attempt: int) -> timedelta:
    """Return how long an attempt, from the second on, waits after a bank was too busy."""
    factor: int = 2 ** min(attempt - 2, 10)
    return min(FIRST_REPEAT * factor, LONGEST_REPEAT)
