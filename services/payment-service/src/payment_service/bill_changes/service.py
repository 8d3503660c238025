"""Bills that have changed since a client read them last, also those it may not see now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bill_changes import queries
from payment_service.bill_changes.rules import UpdatedSinceTooMany
from payment_service.crowds import FEW, measure
from payment_service.visibility import find_sight
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.http.answers.sync import Change, Since
from perisai_kit.http.paging import (
    Slice,
    bind_cursor,
    cut_page,
    parse_instant_and_id,
    read_bound_cursor,
)

KINDS = tuple(Change)


@dataclass(frozen=True, slots=True)
class Changed:
    """A bill that has changed. at: orders updates; otherwise the instant asked about."""

    change: Change
    at: datetime
    bill_id: UUID


async def list_changes(
    session: AsyncSession, principal: Principal, *, since: Since, cursor: str | None, limit: int
) -> Slice[Changed]:
    """Return one page of the bills that have changed for the principal.

    A planned hand-over takes effect on its day, without any write.
    Raises: UpdatedSinceTooMany, CursorInvalid.
    """
    sight = find_sight(principal)
    if not (await measure(session, sight)).is_few:
        raise UpdatedSinceTooMany(field="updated_since", most_members=FEW)
    after = read_bound_cursor(cursor, _read_key, parts=3, binding=since)
    start = KINDS.index(after.change) if after else 0
    found: list[Changed] = []
    for kind in KINDS[start:]:
        rows: Sequence[queries.Key] = await queries.list_changes(
            session,
            principal,
            sight,
            kind,
            since,
            on=clock.today(),
            after=(after.at, after.bill_id) if after and after.change is kind else None,
            limit=limit + 1 - len(found),
        )
        found += [Changed(kind, at, bill_id) for at, bill_id in rows]
        if len(found) > limit:
            break
    return cut_page(
        found,
        limit,
        key=lambda each: bind_cursor(since, each.change.value, each.at, each.bill_id),
    )


def _read_key(change: str, at: str, bill_id: str) -> Changed:
    return Changed(Change(change), *parse_instant_and_id(at, bill_id))
