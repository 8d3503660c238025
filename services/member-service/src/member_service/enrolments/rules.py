from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from member_service.declarations.rules import FOR_TIME
from perisai_kit.domain.errors import Conflict, DomainError, Forbidden, NotFound

MAX_ROWS = 200
ERRORS_SHOWN = 20
"""The most faults shown for one row. With more, the whole form needs another look."""


class RowStatus(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a row: its place, its code, and its text in English and Indonesian."""

    pointer: str
    code: str
    detail: str
    detail_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a row. row: its place in the batch, from 0. row_id: None if unreadable."""

    row: int
    row_id: UUID | None
    status: RowStatus
    code: str | None = None
    errors: Sequence[Fault] = ()
    member_id: UUID | None = None


def make_fault(row: int, problem: DomainError) -> Fault:
    """Return the fault that a domain error is for a row."""
    path = (problem.field or "").replace(".", "/")
    pointer = f"/rows/{row}/{path}".rstrip("/")
    return Fault(pointer, problem.code, problem.text, problem.text_id)


def make_refusal(
    row: int, row_id: UUID | None, problems: Sequence[DomainError], *, duplicate: bool = False
) -> Verdict:
    """Return the verdict on a row with these problems; the first gives its code."""
    status = RowStatus.DUPLICATE if duplicate else RowStatus.REFUSED
    faults = [make_fault(row, problem) for problem in problems[:ERRORS_SHOWN]]
    return Verdict(row, row_id, status, problems[0].code, faults)


def may_repeat(status: RowStatus, codes: Sequence[str]) -> bool:
    """Tell whether a row was refused only for a date, so that a new batch can repeat it."""
    return status is RowStatus.REFUSED and bool(codes) and FOR_TIME.issuperset(codes)


class BatchNotFound(NotFound):
    code = "enrolment_batch_not_found"
    text = "There is no such batch, or you may not see it."
    text_id = "Kumpulan pendaftaran tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BatchIdReused(Conflict):
    code = "enrolment_batch_id_reused"
    text = "This batch id was already used for other rows. Create a new id."
    text_id = "ID kumpulan ini sudah dipakai untuk data lain. Buat ID baru."


class NikRepeated(Conflict):
    code = "nik_repeated"
    text = "An earlier row of this batch has the same NIK."
    text_id = "NIK yang sama sudah ada pada baris sebelumnya."


class RowIdRepeated(Conflict):
    code = "row_id_repeated"
    text = "An earlier row of this batch has the same id."
    text_id = "ID yang sama sudah ada pada baris sebelumnya."


class BranchScopeRequired(Forbidden):
    code = "branch_scope_required"
    text = "Only an account of one branch can register members."
    text_id = "Hanya akun pada satu kantor cabang yang dapat mendaftarkan peserta."
