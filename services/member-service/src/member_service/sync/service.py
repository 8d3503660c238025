"""Members who have changed since a client read them last, also those whom it may not see now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.sync import queries
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
    """A member who has changed. at: orders updates; otherwise the instant asked about."""

    change: Change
    at: datetime
    member_id: UUID


async def list_changes(
    session: AsyncSession, *, viewer: Principal, since: Since, cursor: str | None, limit: int
) -> Slice[Changed]:
    """Return one page of the members who have changed for this reader. Raises: CursorInvalid."""
    after = read_bound_cursor(cursor, _read_key, parts=3, binding=since)
    start = KINDS.index(after.change) if after else 0
    found: list[Changed] = []
    for kind in KINDS[start:]:
        rows: Sequence[queries.Key] = await queries.list_changes(
            session,
            viewer,
            kind,
            since,
            on=clock.today(),
            after=(after.at, after.member_id) if after and after.change is kind else None,
            limit=limit + 1 - len(found),
        )
        found += [Changed(kind, at, member_id) for at, member_id in rows]
        if len(found) > limit:
            break
    return cut_page(
        found,
        limit,
        key=lambda each: bind_cursor(since, each.change.value, each.at, each.member_id),
    )


def _read_key(change: str, at: str, member_id: str) -> Changed:
    return Changed(Change(change), *parse_instant_and_id(at, member_id))
