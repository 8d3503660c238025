"""What a client that reads offline has missed since it read last."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from perisai_kit.domain.errors import Invalid


class Change(StrEnum):
    """Why a member is on a page, in the order of the pages.

    removed: the reader does not see the member any more. begun: care for the member began with a
    day, without a write. updated: something was written.
    """

    REMOVED = "removed"
    BEGUN = "begun"
    UPDATED = "updated"


class UpdatedSinceInvalid(Invalid):
    code = "updated_since_invalid"
    text = "Send the `as_of` of an earlier answer, or an instant such as 2026-11-30T08:00:00Z."
    text_id = (
        "Kirim nilai `as_of` dari jawaban sebelumnya, atau waktu seperti 2026-11-30T08:00:00Z."
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
