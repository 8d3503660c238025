from collections.abc import Sequence
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions.models import AttributionPeriod as Period
from payment_service.bills.models import Bill
from payment_service.visibility import Sight, had
from perisai_kit.auth.principal import Principal
from perisai_kit.http.answers.sync import Change, Since

Key = tuple[datetime, UUID]


async def list_changes(
    session: AsyncSession,
    principal: Principal,
    sight: Sight,
    change: Change,
    since: Since,
    *,
    on: date,
    after: Key | None,
    limit: int,
) -> Sequence[Key]:
    """Return when changes of one kind were made, and the bills, in this order.

    The instant is the same for all but updates.
    """
    statement = changes_statement(principal, sight, change, since, on=on, after=after, limit=limit)
    return [(at, bill_id) for at, bill_id in await session.execute(statement)]


def changes_statement(
    principal: Principal,
    sight: Sight,
    change: Change,
    since: Since,
    *,
    on: date,
    after: Key | None,
    limit: int,
) -> Select[datetime, UUID]:
    """Return the query of list_changes. sight: of the principal.

    Each member is asked for a page, so that no other bills are read.
    """
    at: SQLColumnExpression[datetime] = literal(since.at)
    conditions: list[ColumnElement[bool]] = []
    match change:
        case Change.REMOVED:
            found = _lost(principal, sight, since, on).subquery("found")
        case Change.BEGUN:
            found = sight.members(begun=since).subquery("found")
            conditions.append(Bill.updated_at < since.at)
        case Change.UPDATED:
            found = sight.members().subquery("found")
            conditions.append(Bill.updated_at >= since.at)
            at = Bill.updated_at
        case _:
            assert_never(change)
    is_updated = change is Change.UPDATED
    if after is not None:
        conditions.append(tuple_(at, Bill.id) > after if is_updated else Bill.id > after[1])
    member = select(found.c.member_id).distinct().subquery("member")
    own: Select[datetime, UUID] = select(at.label("at"), Bill.id).where(
        Bill.member_id == member.c.member_id, *conditions
    )
    page = own.order_by(*((at, Bill.id) if is_updated else (Bill.id,))).limit(limit).lateral("own")
    statement = select(page.c.at, page.c.id).select_from(member).join(page, true())
    return statement.order_by(page.c.at, page.c.id).limit(limit)


def _lost(principal: Principal, sight: Sight, since: Since, on: date) -> Select[UUID]:
    """Return the members who were in the principal's sight, and are no more since then."""
    return select(Period.member_id).where(
        had(principal),
        Period.from_date <= on,
        or_(Period.until_date > since.day, Period.recorded_at >= since.at),
        Period.member_id.not_in(sight.members()),
    )
