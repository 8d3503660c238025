from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from member_service.consents.rules import find_consent_problems
from member_service.declarations.rules import FOR_TIME, Stated, find_work_problems
from member_service.members import rules as members
from member_service.members.rules import Limits, NewToBpuBasis
from perisai_kit.domain.errors import Conflict, DomainError, Forbidden, NotFound
from perisai_kit.domain.nik import NikInvalid
from perisai_kit.domain.programmes import Programme

MAX_ROWS = 200
ERRORS_SHOWN = 20
"""The most faults shown for one row. With more, the whole form needs another look."""


class RowStatus(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


class StatedConsent(Protocol):
    @property
    def given_at(self) -> datetime | None: ...


class Form(Protocol):
    """What the rules about a form ask; None: not known, because it is missing or unreadable."""

    @property
    def nik(self) -> str | None: ...
    @property
    def birth_date(self) -> date | None: ...
    @property
    def declared_income(self) -> int | None: ...
    @property
    def programmes(self) -> Sequence[Programme | None] | None: ...
    @property
    def employs_others(self) -> bool | None: ...
    @property
    def occupations(self) -> Sequence[str | None] | None: ...
    @property
    def new_to_bpu(self) -> bool | None: ...
    @property
    def new_to_bpu_basis(self) -> NewToBpuBasis | None: ...
    @property
    def work_declaration(self) -> Stated | None: ...
    @property
    def consent(self) -> StatedConsent | None: ...


def find_problems(form: Form, *, limits: Limits, at: datetime, on: date) -> list[DomainError]:
    """Return all problems of a form that need nothing but the form and the time.

    on: the Jakarta day of `at`. What is not known is no problem.
    """
    work, consent = form.work_declaration, form.consent
    age = members.find_age_problem(form.birth_date, limits=limits, on=on)
    basis = members.find_basis_problem(
        new_to_bpu=form.new_to_bpu, basis=form.new_to_bpu_basis, field="new_to_bpu_basis"
    )
    return [
        *_find_nik_problems(form, on),
        *find_work_problems(
            working=work.working if work else None,
            declared_on=work.declared_on if work else None,
            now=at,
            within="work_declaration.",
        ),
        *find_consent_problems(given_at=consent.given_at if consent else None, now=at),
        *([age] if age else []),
        *members.find_contribution_problems(
            declared_income=form.declared_income,
            programmes=form.programmes,
            employs_others=form.employs_others,
            occupations=form.occupations,
            limits=limits,
        ),
        *([basis] if basis else []),
    ]


def _find_nik_problems(form: Form, on: date) -> list[DomainError]:
    try:
        if form.nik is not None:
            members.read_nik(form.nik, birth_date=form.birth_date, on=on)
    except NikInvalid as error:
        return [error]
    return []


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
