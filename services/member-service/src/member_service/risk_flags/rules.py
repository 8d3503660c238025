"""Which acquisitions of an agent's month are striking.

Source: docs/domain.md, Risk flags. A flag refuses nothing; it is for officers to look at.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from member_service.members.rules import RiskThresholds
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import compute_age


class RiskFlag(StrEnum):
    """A mark for possible fraud, for officers to look at; nothing is refused because of it."""

    SHARED_PHONE = "shared_phone"
    SHARED_ADDRESS = "shared_address"
    SAME_BATCH = "same_batch"
    SHARED_PAYING_ACCOUNT = "shared_paying_account"
    MANY_OLDER = "many_older"
    LAPSED_IN_MONTH_TWO = "lapsed_in_month_two"


OLDER_AGE = 60
"""From this age on. Source: docs/domain.md, Risk flags (inferred)."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What acquisitions may have in common. batch_id: None where enrolled singly.

    paying_account: opaque; None where the bank named none. is_older: see `is_older`.
    """

    member_id: UUID
    phone_hash: bytes
    address_hash: bytes
    batch_id: UUID | None = None
    paying_account: str | None = None
    is_older: bool = False


def normalise_address(street: str, village: str) -> str:
    """Return an address in the form that is compared: without case, signs and double spaces."""
    words = "".join(c if c.isalnum() else " " for c in f"{street}\n{village}".casefold()).split()
    return " ".join(words)


def find_flags(
    month: Mapping[UUID, Traits], thresholds: RiskThresholds
) -> Collection[tuple[UUID, RiskFlag]]:
    """Return the flags of an agent's acquisitions of one month, by allocation.

    month: all of the month, or some and all that share something with one of them; the flags of
    these are right then, and none is too many.

    Counted within the agent's month, so that the order in which they arrive changes nothing.
    """
    phones = Counter(each.phone_hash for each in month.values())
    addresses = Counter(each.address_hash for each in month.values())
    batches = Counter(each.batch_id for each in month.values())
    accounts = _count_members_by_account(month.values())
    older = sum(each.is_older for each in month.values())
    found = []
    for id_, each in month.items():
        if phones[each.phone_hash] >= thresholds.phone:
            found.append((id_, RiskFlag.SHARED_PHONE))
        if addresses[each.address_hash] >= thresholds.address:
            found.append((id_, RiskFlag.SHARED_ADDRESS))
        if each.batch_id is not None and batches[each.batch_id] >= thresholds.batch:
            found.append((id_, RiskFlag.SAME_BATCH))
        if accounts[each.paying_account] >= thresholds.paying_account:
            found.append((id_, RiskFlag.SHARED_PAYING_ACCOUNT))
        if each.is_older and older >= thresholds.older:
            found.append((id_, RiskFlag.MANY_OLDER))
    return found


def _count_members_by_account(traits: Collection[Traits]) -> Counter[str | None]:
    """Count different members, because one account may pay twice for the same."""
    paid = {(each.paying_account, each.member_id) for each in traits if each.paying_account}
    return Counter(account for account, _ in paid)


def is_older(birth_date: date, counts_at: datetime) -> bool:
    """Tell whether somebody is 60 or more on the day on which an acquisition counts."""
    return compute_age(birth_date, jakarta_date(counts_at)) >= OLDER_AGE


def find_month(counts_at: datetime) -> Month:
    """Return the Jakarta month in which an acquisition counts."""
    return Month.of(jakarta_date(counts_at))
