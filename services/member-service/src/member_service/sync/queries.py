from collections.abc import Sequence
from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from member_service.attribution_periods.models import AttributionPeriodRow as Period
from member_service.attribution_periods.queries import is_of
from member_service.members.queries import is_visible_to, lists_only_own, was_visible_to
from member_service.updates.models import MemberUpdate
from perisai_kit.auth.principal import Principal
from perisai_kit.http.answers.sync import Change, Since

Key = tuple[datetime, UUID]


async def list_changes(
    session: AsyncSession,
    viewer: Principal,
    change: Change,
    since: Since,
    *,
    on: date,
    after: Key | None,
    limit: int,
) -> Sequence[Key]:
    """Return when changes of one kind were made, and the members, in this order.

    The instant is the same for all but updates.
    """
    statement = changes_statement(viewer, change, since, on=on, after=after, limit=limit)
    return [(at, member_id) for at, member_id in await session.execute(statement)]


def changes_statement(
    viewer: Principal, change: Change, since: Since, *, on: date, after: Key | None, limit: int
) -> Select[datetime, UUID]:
    """Return the query of list_changes."""
    at: SQLColumnExpression[datetime] = literal(since.at)
    match change:
        case Change.REMOVED:
            query = select(at, Period.member_id).where(*_is_removed(viewer, since, on)).distinct()
        case Change.BEGUN:
            query = _visible(viewer, on, at).where(
                Period.from_date > since.day,
                or_(MemberUpdate.updated_at < since.at, MemberUpdate.updated_at.is_(None)),
            )
        case Change.UPDATED:
            query = _visible(viewer, on, MemberUpdate.updated_at).where(
                MemberUpdate.updated_at >= since.at
            )
            at = MemberUpdate.updated_at
        case _:
            assert_never(change)
    if after is not None:
        key = tuple_(at, Period.member_id) if change is Change.UPDATED else Period.member_id
        query = query.where(key > (after if change is Change.UPDATED else after[1]))
    order = (at, Period.member_id) if change is Change.UPDATED else (Period.member_id,)
    return query.order_by(*order).limit(limit)


def _visible(
    viewer: Principal, on: date, at: SQLColumnExpression[datetime]
) -> Select[datetime, UUID]:
    joined: Select[datetime, UUID] = select(at, Period.member_id).outerjoin(
        MemberUpdate, MemberUpdate.member_id == Period.member_id
    )
    return joined.where(is_of(on), is_visible_to(viewer, include_own=lists_only_own(viewer)))


def _is_removed(viewer: Principal, since: Since, on: date) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of members who were in the reader's sight, and no more since then."""
    present = aliased(Period)
    seen = select(present.member_id).where(
        present.from_date <= on,
        present.until_date > on,
        is_visible_to(viewer, include_own=False, period=present),
    )
    return [
        was_visible_to(viewer),
        Period.from_date <= on,
        or_(Period.until_date > since.day, Period.recorded_at >= since.at),
        or_(Period.until_date < date.max, and_(Period.agent_id.is_not(None), ~Period.agent_sees)),
        Period.member_id.not_in(seen),
    ]
