"""Which facts one person may change at once, and which need a confirmation."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from member_service.members import rules as members
from member_service.members.rules import Limits
from perisai_kit.domain.errors import Forbidden, Invalid
from perisai_kit.domain.programmes import Programme

SENSITIVE = ("full_name", "birth_date", "sex", "phone", "occupations", "payer")
"""Facts that decide identity, sign-in or the contribution. One person alone cannot change them."""
CONTRIBUTION_FIELDS = frozenset({"declared_income", "programmes", "employs_others", "occupations"})
NAMED_FIELDS = frozenset({"full_name", "phone"})
"""What a member is found by, besides the NIK, which never changes."""
BIRTH_FIELDS = frozenset({"birth_date", "sex"})


class Patch(Protocol):
    """New values of what decides a contribution; None: not sent, or unreadable."""

    @property
    def declared_income(self) -> int | None: ...
    @property
    def programmes(self) -> Sequence[Programme | None] | None: ...
    @property
    def employs_others(self) -> bool | None: ...


class Facts(Protocol):
    """New values of sensitive facts; None: not sent, or unreadable."""

    @property
    def birth_date(self) -> date | None: ...
    @property
    def occupations(self) -> Sequence[str | None] | None: ...


def find_problems(patch: Patch, *, limits: Limits) -> list[Invalid]:
    """Return the problems of new values that need no record of the member."""
    return members.find_contribution_problems(
        declared_income=patch.declared_income,
        programmes=patch.programmes,
        employs_others=patch.employs_others,
        occupations=None,
        limits=limits,
    )


def find_fact_problems(facts: Facts, *, limits: Limits, on: date) -> list[Invalid]:
    """Return the problems of sensitive facts that need no record of the member.

    on: today. Who is born later or is too young today was so at enrolment too.
    """
    born = members.find_birth_date_problem(facts.birth_date, limits=limits, on=on)
    more = members.find_contribution_problems(
        declared_income=None,
        programmes=None,
        employs_others=None,
        occupations=facts.occupations,
        limits=limits,
    )
    return [*more, *([born] if born else [])]


class ConfirmationRequired(Forbidden):
    """`details["fields"]` names the sensitive ones."""

    code = "confirmation_required"
    text = (
        "Name, date of birth, sex, telephone, occupations and payer change only when the member "
        "or two officers confirm it. Propose a correction at /v1/members/{id}/corrections."
    )
    text_id = (
        "Nama, tanggal lahir, jenis kelamin, telepon, pekerjaan, dan pembayar iuran hanya berubah "
        "jika disetujui peserta atau dua petugas. Ajukan di /v1/members/{id}/corrections."
    )


class AgentsOwnRecord(Forbidden):
    code = "agents_own_record"
    text = "This member is an agent. Only the branch changes this record."
    text_id = "Peserta ini adalah agen. Hanya kantor cabang yang dapat mengubah datanya."
