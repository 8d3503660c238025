from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from member_service.attribution_periods.models import AttributionPeriodRow as Period
from member_service.attribution_periods.queries import is_of
from member_service.listings.rules import OPEN_ONLY, Filters, Sort, is_contradiction
from member_service.members.models import Member
from member_service.members.queries import is_named_to, is_visible_to, lists_only_own
from member_service.members.rules import Standing
from member_service.registrations.rules import UNPAID_MONTHS, EndReason
from member_service.search_words.queries import select_members
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import any_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import KeyPart, parse_instant_and_id


@dataclass(frozen=True, slots=True)
class Order:
    """How a sort is done: its columns, and the key of a row, also as read from a cursor."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    is_descending: bool
    of: Callable[[Member], tuple[KeyPart, ...]]
    read: Callable[..., tuple[Any, ...]]


_BY_ENROLMENT = (Period.enrolled_at, Period.member_id)
ORDERS: dict[Sort, Order] = {
    Sort.NEWEST: Order(
        _BY_ENROLMENT, True, lambda row: (row.created_at, row.id), parse_instant_and_id
    ),
    Sort.OLDEST: Order(
        _BY_ENROLMENT, False, lambda row: (row.created_at, row.id), parse_instant_and_id
    ),
    Sort.LAPSES_ON: Order(
        (Period.ends_on, Period.member_id),
        False,
        lambda row: (str(row.ends_on), row.id),
        lambda day, id_: (date.fromisoformat(day), UUID(id_)),
    ),
}


async def list_members(
    session: AsyncSession,
    viewer: Principal,
    filters: Filters,
    sort: Sort,
    *,
    on: date,
    last_due: Month,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Member]:
    """Return members whom the reader may see. after: the key of the last row shown."""
    query = list_statement(
        viewer, filters, sort, on=on, last_due=last_due, after=after, limit=limit
    )
    return await load_members(session, (await session.scalars(query)).all())


async def load_members(session: AsyncSession, ids: Sequence[UUID]) -> list[Member]:
    """Return members in the order asked."""
    rows = await session.scalars(select(Member).where(Member.id == any_id(ids)))
    found = {member.id: member for member in rows}
    return [found[member_id] for member_id in ids]


def list_statement(
    viewer: Principal,
    filters: Filters,
    sort: Sort,
    *,
    on: date,
    last_due: Month,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Select[Any]:
    """Return the query of the ids of a page, in order. It reads one table, by one index."""
    query = select(Period.member_id).where(
        is_of(on),
        is_visible_to(viewer, include_own=lists_only_own(viewer)),
        *build_conditions(filters, sort=sort, on=on, last_due=last_due),
    )
    if filters.words:
        found = select_members(filters.words)
        query = query.where(is_named_to(viewer), Period.member_id.in_(found))
    if filters.village is not None:
        of_village = select(Member.id).where(
            func.lower(Member.village) == func.lower(filters.village)
        )
        query = query.where(Period.member_id.in_(of_village))
    if filters.agent_id is not None:
        query = query.where(Period.agent_id == filters.agent_id)
    if filters.without_agent:
        query = query.where(Period.agent_id.is_(None))
    order = ORDERS[sort]
    if after is not None:
        key = tuple_(*order.columns)
        query = query.where(key < after if order.is_descending else key > after)
    ordered = [each.desc() if order.is_descending else each.asc() for each in order.columns]
    query = query.order_by(*ordered).limit(limit)
    if filters.standing is not Standing.ACTIVE:
        return query
    # Active members lapse after those in grace. Without this bound the index of `ends_on` would be
    # read from the wrong end, and where they are few PostgreSQL would look for them among all.
    # Reported endings have no such bound, and are few.
    paid_in_time = Period.ends_on >= last_due.plus(UNPAID_MONTHS + 1).first_day
    query = query.with_only_columns(*order.columns)
    lapsing = query.where(Period.end_reason == EndReason.LAPSED, paid_in_time).subquery()
    # With OFFSET these are read first; otherwise PostgreSQL may look for them among all.
    reported = query.order_by(None).limit(None).where(Period.end_reason != EndReason.LAPSED)
    ending = reported.offset(0).subquery()
    both = union_all(select(lapsing), select(ending)).subquery()
    keys = [both.c[each.key] for each in order.columns]
    merged = [each.desc() if order.is_descending else each.asc() for each in keys]
    return select(both.c.member_id).order_by(*merged).limit(limit)


def build_conditions(
    filters: Filters, *, sort: Sort, on: date, last_due: Month
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list on the registration of a member, as rules.meets."""
    if is_contradiction(filters, sort):
        return [false()]
    is_open = Period.ends_on > on
    found: list[ColumnElement[bool]] = [is_open] if sort in OPEN_ONLY else []
    if filters.standing is not None:
        found.append(has_standing(filters.standing, on=on, last_due=last_due))
    if filters.lapses_before is not None:
        found += [is_open, Period.ends_on < filters.lapses_before]
    if filters.unpaid_months_min is not None:
        found += [is_open, _has_unpaid_months(filters.unpaid_months_min, last_due)]
    return found


def has_standing(standing: Standing, *, on: date, last_due: Month) -> ColumnElement[bool]:
    """Return the condition for a standing, as members.rules.find_standing."""
    is_open = Period.ends_on > on
    lapsed = Period.end_reason == EndReason.LAPSED
    match standing:
        case Standing.REGISTERED_UNPAID:
            return Period.ends_on.is_(None)
        case Standing.ACTIVE:
            return and_(is_open, Period.first_unpaid > last_due)
        case Standing.GRACE:
            return and_(is_open, Period.first_unpaid <= last_due)
        case Standing.LAPSED:
            return and_(Period.ends_on <= on, lapsed)
        case Standing.ENDED:
            return and_(Period.ends_on <= on, not_(lapsed))
    assert_never(standing)


def _has_unpaid_months(count: int, last_due: Month) -> ColumnElement[bool]:
    width = len("2026-04 ")
    nth = func.substr(Period.unpaid_months, 1 + width * (count - 1), width - 1)
    # The first condition follows from the second one; the planner knows how many rows meet it.
    return and_(Period.first_unpaid <= last_due.plus(1 - count), nth <= str(last_due))
