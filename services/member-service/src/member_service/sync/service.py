"""Members who have changed since a client read them last, also those whom it may not see now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.sync import queries
from member_service.sync.rules import Change, Since, UpdatedSinceInvalid
from member_service.updates import service as updates
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.paging import (
    Slice,
    bind_cursor,
    cut_page,
    parse_instant,
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


def encode_since(since: Since) -> str:
    """Return the `as_of` of an answer: an instant and a day, without signs that a URL escapes."""
    at = since.at.astimezone(UTC).replace(tzinfo=None)
    return f"{at.isoformat()}Z~{since.day}"


def parse_since(text: str) -> Since:
    """Read an `as_of`, or an instant. Raises: UpdatedSinceInvalid."""
    instant, _, day = text.partition("~")
    try:
        at = parse_instant(instant)
        return Since(at, date.fromisoformat(day) if day else jakarta_date(at))
    except (ValueError, OverflowError):
        raise UpdatedSinceInvalid(field="updated_since") from None


async def find_present(session: AsyncSession) -> Since:
    """Return from when on a client that reads the list now will have missed changes.

    Call it before the list is read.
    """
    day = clock.today()
    return Since(await updates.find_boundary(session), day)


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
