from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    exists,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from payment_service.bill_lists.rules import BillFilter, BillSort
from payment_service.bills import queries as bills
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.rules import BillStatus
from payment_service.crowds import Crowd
from payment_service.visibility import Sight
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of
from perisai_kit.domain.jakarta import midnight
from perisai_kit.http.paging import KeyPart, parse_instant_and_id

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two machines may be apart that give ids and instants."""


@dataclass(frozen=True, slots=True)
class Order:
    """How a sort is done: its columns, and the key of a row, also as read from a cursor."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    is_descending: bool
    of: Callable[[Bill], tuple[KeyPart, ...]]
    read: Callable[..., tuple[Any, ...]]


# A bill gets its id when it is issued, so that the primary key has the order of issue.
_BY_ISSUE = ((Bill.id,), lambda bill: (bill.id,), lambda id_: (UUID(id_),))
ORDERS: dict[BillSort, Order] = {
    BillSort.NEWEST: Order(_BY_ISSUE[0], True, *_BY_ISSUE[1:]),
    BillSort.OLDEST: Order(_BY_ISSUE[0], False, *_BY_ISSUE[1:]),
    BillSort.EXPIRES_AT: Order(
        (Bill.expires_at, Bill.id),
        False,
        lambda bill: (bill.expires_at, bill.id),
        parse_instant_and_id,
    ),
}


async def list_bills(
    session: AsyncSession,
    crowd: Crowd,
    asked: BillFilter,
    sort: BillSort,
    *,
    at: datetime,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Bill]:
    """Return the bills of these members, in order. SQL of rules.meets.

    after: the key of the last row shown.
    """
    found: list[Bill] = []
    for statement in page_statements(crowd, asked, sort, at=at, after=after, limit=limit):
        found += await load_bills(session, (await session.scalars(statement)).all())
    order = ORDERS[sort]
    return sorted(found, key=order.of, reverse=order.is_descending)[:limit]


def page_statements(
    crowd: Crowd,
    asked: BillFilter,
    sort: BillSort,
    *,
    at: datetime,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[Select[UUID]]:
    """Return the queries of the ids of a page, each in order; no bill meets two.

    One after the other, because one query with OR would read all bills.
    """
    if asked.is_contradiction(sort):
        return []
    order, sight = ORDERS[sort], crowd.sight
    status = BillStatus.OPEN if asked.is_of_open(sort) else asked.status
    others = [*_match(asked), *_after(sort, after)]
    is_narrow = status not in (None, BillStatus.PAID)
    asks_members = not (sight.is_everyone or asked.is_of_one) and (
        crowd.is_sparse or (is_narrow and crowd.is_few)
    )
    if not sight.is_everyone and not asks_members:
        others.append(sight.has(Bill.member_id) if asked.is_of_one else crowd.has(Bill.member_id))
    make = _ask_members if asks_members else _go_through
    is_of_member = asks_members or asked.member_id is not None
    is_by_end = sort is BillSort.EXPIRES_AT
    return [
        make(sight, order, [condition, *others], limit=limit)
        for condition in bills.status_conditions(
            status, at, is_of_member=is_of_member, is_by_end=is_by_end
        )
    ]


async def load_bills(session: AsyncSession, ids: Sequence[UUID]) -> list[Bill]:
    """Return bills in the order asked."""
    found = {bill.id: bill for bill in await bills.list_by_ids(session, ids)} if ids else {}
    return [found[bill_id] for bill_id in ids]


def _go_through(
    _: Sight, order: Order, conditions: Sequence[ColumnElement[bool]], *, limit: int
) -> Select[UUID]:
    """Return the query that goes through the bills in their order."""
    return select(Bill.id).where(*conditions).order_by(*_ordered(order, order.columns)).limit(limit)


def _ask_members(
    sight: Sight, order: Order, conditions: Sequence[ColumnElement[bool]], *, limit: int
) -> Select[UUID]:
    """Return the query that asks each member for a page of ids, and takes the first of all."""
    seen = sight.members().subquery("seen")
    member = select(seen.c.member_id).distinct().subquery("member")
    own = (
        select(*order.columns)
        .where(Bill.member_id == member.c.member_id, *conditions)
        .order_by(*_ordered(order, order.columns))
        .limit(limit)
        .lateral("own")
    )
    columns = [own.c[each.key] for each in order.columns]
    statement: Select[UUID] = select(own.c.id).select_from(member).join(own, true())
    return statement.order_by(*_ordered(order, columns)).limit(limit)


def _ordered(order: Order, columns: Sequence[Any]) -> list[Any]:
    return [each.desc() if order.is_descending else each.asc() for each in columns]


def _after(sort: BillSort, after: tuple[Any, ...] | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    order = ORDERS[sort]
    key = tuple_(*order.columns) if len(order.columns) > 1 else order.columns[0]
    bound: Any = after if len(after) > 1 else after[0]
    return [key < bound if order.is_descending else key > bound]


def _match(asked: BillFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (Bill.member_id, asked.member_id),
            (Bill.order_id, asked.order_id),
            (Bill.amount, asked.amount),
        )
        if value is not None
    ]
    if asked.expires_before is not None:
        found.append(Bill.expires_at < midnight(asked.expires_before))
    if asked.month is not None:
        found.append(exists().where(BillLine.bill_id == Bill.id, BillLine.month == asked.month))
    return found + _match_issued(asked)


def _match_issued(asked: BillFilter) -> list[ColumnElement[bool]]:
    """Return the days of issue as conditions, and on the ids too, which are in the index."""
    found: list[ColumnElement[bool]] = []
    is_real_time = not clock.offset()
    if asked.issued.first is not None:
        found.append(Bill.issued_at >= asked.issued.begin)
        if is_real_time:
            found.append(Bill.id >= lowest_id_of(asked.issued.begin - CLOCKS_APART))
    if asked.issued.last is not None:
        found.append(Bill.issued_at < asked.issued.end)
        if is_real_time:
            found.append(Bill.id < lowest_id_of(asked.issued.end + CLOCKS_APART))
    return found
