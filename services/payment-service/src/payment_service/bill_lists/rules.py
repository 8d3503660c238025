"""Which bills a list shows, and in which order."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from payment_service.bills.rules import BillStatus, shown_status
from payment_service.days import ALL_DAYS, Days
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month


class BillSort(StrEnum):
    """The order of a list. A leading `-` is descending; equal rows follow by id."""

    NEWEST = "-issued_at"
    OLDEST = "issued_at"
    EXPIRES_AT = "expires_at"


class SortNotPossible(Invalid):
    code = "sort_not_possible"
    text = "With `expires_before` the order is `expires_at`. Send no other `sort`."
    text_id = "Dengan `expires_before` urutannya adalah `expires_at`. Jangan kirim `sort` lain."


class Listed(Protocol):
    """A bill as far as a list goes."""

    @property
    def member_id(self) -> UUID: ...
    @property
    def order_id(self) -> UUID: ...
    @property
    def status(self) -> BillStatus: ...
    @property
    def amount(self) -> int: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFilter:
    """What a list is narrowed to: a bill must meet all that are set.

    agent_id, branch_code: of who has the member today. issued: Jakarta days. month: a contribution
    month of the bill. expires_before: the bill can be paid now, and not any more on this day.
    amount: rupiah.
    """

    status: BillStatus | None = None
    member_id: UUID | None = None
    agent_id: UUID | None = None
    branch_code: str | None = None
    order_id: UUID | None = None
    month: Month | None = None
    issued: Days = ALL_DAYS
    expires_before: date | None = None
    amount: int | None = None

    @property
    def is_of_one(self) -> bool:
        """Whether the bills are those of one member or one order."""
        return self.member_id is not None or self.order_id is not None

    def check(self, *, sees_few: bool) -> None:
        """Refuse to look for an amount or a month among all bills there are.

        sees_few: whether the reader sees the bills of few members only.
        Raises: DaysNeeded.
        """
        keys = (self.member_id, self.order_id, self.agent_id)
        is_of_few = sees_few or any(key is not None for key in keys)
        if not is_of_few and (self.amount is not None or self.month is not None):
            self.issued.check_bounded(field="issued_from")

    def is_of_open(self, sort: BillSort) -> bool:
        """Tell whether the list has only bills that can be paid."""
        return (
            self.status is BillStatus.OPEN
            or self.expires_before is not None
            or sort is BillSort.EXPIRES_AT
        )

    def is_contradiction(self, sort: BillSort) -> bool:
        """Tell whether no bill can meet this: it asks for payable bills and for others."""
        return self.is_of_open(sort) and self.status not in (None, BillStatus.OPEN)


def choose_sort(wanted: BillSort | None, asked: BillFilter) -> BillSort:
    """Return the order of a list: the latest first, unless it is about ends.

    Raises: SortNotPossible.
    """
    if asked.expires_before is None:
        return wanted or BillSort.NEWEST
    if wanted not in (None, BillSort.EXPIRES_AT):
        raise SortNotPossible(field="sort")
    return BillSort.EXPIRES_AT


def meets(
    bill: Listed, months: Collection[Month], asked: BillFilter, *, sort: BillSort, at: datetime
) -> bool:
    """Tell whether a bill that the reader may see belongs in a list, but for who has the member.

    months: of the bill. SQL: queries.list_bills.
    """
    status = shown_status(bill.status, expires_at=bill.expires_at, at=at)
    wanted = BillStatus.OPEN if asked.is_of_open(sort) else asked.status
    ends_before = asked.expires_before
    conditions = (
        not asked.is_contradiction(sort),
        wanted in (None, status),
        asked.member_id in (None, bill.member_id),
        asked.order_id in (None, bill.order_id),
        asked.amount in (None, bill.amount),
        asked.month is None or asked.month in months,
        asked.issued.begin <= bill.issued_at < asked.issued.end,
        ends_before is None or bill.expires_at < midnight(ends_before),
    )
    return all(conditions)
