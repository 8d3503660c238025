"""Lists that tell a client that reads offline what it has missed: `updated_since` and `as_of`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.boundary import find_boundary
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.paging import parse_instant

AHEAD = timedelta(minutes=5)
"""How far the clock of another machine may be ahead of ours. Our own choice."""


class Change(StrEnum):
    """Why a row is on a page, in the order of the pages.

    removed: the reader does not see it any more. begun: care for its member began, and the row
    itself was not written. updated: something was written.
    """

    REMOVED = "removed"
    BEGUN = "begun"
    UPDATED = "updated"


class UpdatedSinceInvalid(Invalid):
    code = "updated_since_invalid"
    text = "Send the `as_of` of an earlier answer, or a past instant such as 2026-11-30T08:00:00Z."
    text_id = (
        "Kirim `as_of` dari jawaban sebelumnya, atau waktu lampau seperti 2026-11-30T08:00:00Z."
    )


class UpdatedSinceFiltered(Invalid):
    code = "updated_since_filtered"
    text = "`updated_since` returns every change. Send it without filters and without an order."
    text_id = "`updated_since` menampilkan semua perubahan. Kirim tanpa penyaring dan urutan."


@dataclass(frozen=True, slots=True)
class Since:
    """From when on a client has missed changes. at: by the clock of the database.

    day: of business time; care for members begins and ends with days, without any write.
    """

    at: datetime
    day: date


def encode_since(since: Since) -> str:
    """Return the `as_of` of an answer: an instant and a day, without signs that a URL escapes."""
    at = since.at.astimezone(UTC).replace(tzinfo=None)
    return f"{at.isoformat()}Z~{since.day}"


def parse_since(text: str) -> Since:
    """Read an `as_of`, or an instant. Raises: UpdatedSinceInvalid.

    One in the future is refused: a client that sends the time of its own clock would miss changes.
    """
    instant, _, day = text.partition("~")
    try:
        at, today = parse_instant(instant), clock.today()
        since = Since(at, date.fromisoformat(day) if day else min(jakarta_date(at), today))
    except (ValueError, OverflowError):
        raise UpdatedSinceInvalid(field="updated_since") from None
    latest_day = jakarta_date(clock.now() + AHEAD)
    if since.at > clock.real_now() + AHEAD or since.day > latest_day:
        raise UpdatedSinceInvalid(field="updated_since")
    return since


async def find_present(session: AsyncSession) -> Since:
    """Return from when on a client that reads the list now will have missed changes.

    Call it before the list is read, on the primary.
    """
    day = clock.today()
    return Since(await find_boundary(session), day)
