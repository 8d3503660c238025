"""Hand-overs of a book: all members of an agent, or some of them, in one step."""

from collections import Counter
from collections.abc import Iterable

from perisai_kit.domain.errors import Conflict, Invalid, NotFound

LARGEST_BOOK = 20_000
"""The most members in one hand-over; it bounds a transaction. Our own choice."""


class HandoverNotFound(NotFound):
    code = "handover_not_found"
    text = "There is no such hand-over, or you may not see it."
    text_id = "Pengalihan tidak ditemukan, atau Anda tidak berwenang melihatnya."


class HandoverIdTaken(Conflict):
    code = "handover_id_taken"
    text = "Another hand-over has this id. Create a new id."
    text_id = "ID ini sudah dipakai pengalihan lain. Buat ID baru."


class HandoverEmpty(Conflict):
    """`details`: `skipped`, how many members cannot be handed over, by reason."""

    code = "handover_empty"
    text = "No member of this agent can be handed over in this way. See the reasons in `skipped`."
    text_id = "Tidak ada peserta agen ini yang dapat dialihkan. Lihat alasannya pada `skipped`."


class BookTooLarge(Invalid):
    """`details`: `limit`."""

    code = "book_too_large"
    text = "The agent has too many members for one hand-over. Name some of them."
    text_id = "Peserta agen ini terlalu banyak untuk satu pengalihan. Pilih sebagian peserta."


def count_reasons(obstacles: Iterable[Conflict]) -> dict[str, int]:
    """Return how many members cannot be handed over, by the code of the reason."""
    return dict(sorted(Counter(each.code for each in obstacles).items()))
