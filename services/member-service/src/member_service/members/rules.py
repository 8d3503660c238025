"""Which people may be BPU members, and what a record must hold. Source: docs/domain.md."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from member_service.occupations.rules import MAX_OCCUPATIONS, OCCUPATIONS
from member_service.registrations.rules import AGE_LIMIT, EndReason
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import Conflict, Invalid, NotFound
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import Nik, compute_age, parse_nik
from perisai_kit.domain.programmes import (
    MANDATORY,
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
    Programme,
)
from perisai_kit.domain.regions import is_known_region

SEX_DIFFERS = "sex_differs"
KNOW_AGENTS = (Role.BRANCH_OFFICER, Role.FINANCE_OFFICER, Role.ADMIN)
"""The offices that see the whole names of the agents of their scope."""


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class NewToBpuBasis(StrEnum):
    """The source that says a person was never registered in the BPU segment before."""

    MEMBER_STATEMENT = "member_statement"
    BPJS_RECORD = "bpjs_record"


class Standing(StrEnum):
    """Standing of a member's registration on a day. Source: docs/domain.md, Membership."""

    REGISTERED_UNPAID = "registered_unpaid"
    ACTIVE = "active"
    GRACE = "grace"
    LAPSED = "lapsed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits from the settings: completed years, rupiah a month, members with one number.

    shared_phone_from: this many members with one number raise a risk flag. known_niks_a_day: so
    many people whom an account enters may turn out to be registered already.
    """

    min_age: int
    min_declared_income: int
    members_per_phone: int
    members_per_phone_and_agent: int
    shared_phone_from: int
    known_niks_a_day: int


@dataclass(frozen=True, slots=True)
class RiskThresholds:
    """From how many acquisitions of an agent's month with one of these each of them is flagged.

    older: of people who are `risk_flags.rules.OLDER_AGE` or more.
    """

    phone: int
    address: int
    batch: int
    paying_account: int
    older: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """The author, branch and time of a row. No agent: it is written for the branch itself."""

    account_id: UUID
    branch_code: str
    region_code: str
    agent_id: UUID | None
    wadah_id: UUID | None
    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """The last registration of a member, by what is known now.

    paid_through: the last paid month. first_unpaid: the first month that is not paid.
    ends_on: the first day outside. unpaid_months: the first `UNPAID_MONTHS` months that are not
    paid; after a reversal paid months may lie between them.
    """

    paid_through: Month
    first_unpaid: Month
    ends_on: date
    end_reason: EndReason
    unpaid_months: tuple[Month, ...]

    def is_open(self, on: date) -> bool:
        return on < self.ends_on


class Belonging(Protocol):
    """The fields of a member that decide who may see it."""

    @property
    def id(self) -> UUID: ...
    @property
    def acting_agent_id(self) -> UUID | None: ...
    @property
    def wadah_id(self) -> UUID | None: ...
    @property
    def branch_code(self) -> str: ...
    @property
    def region_code(self) -> str: ...


class MemberNotFound(NotFound):
    code = "member_not_found"
    text = "There is no such member, or you may not see the member."
    text_id = "Peserta tidak ditemukan, atau Anda tidak berwenang melihatnya."


class MemberNikRegistered(Conflict):
    code = "member_nik_registered"
    text = "This NIK is already registered."
    text_id = "NIK ini sudah terdaftar."


class MemberIdTaken(Conflict):
    code = "member_id_taken"
    text = "This id is already used. Create a new id."
    text_id = "ID ini sudah dipakai. Buat ID baru."


class AgeUnderMinimum(Invalid):
    code = "age_under_minimum"
    text = "The person is too young to be registered."
    text_id = "Usia belum cukup untuk didaftarkan."


class AgeOverLimit(Invalid):
    code = "age_over_limit"
    text = "The person is too old to be registered: 65 years or older."
    text_id = "Usia sudah melewati batas pendaftaran: 65 tahun atau lebih."


class BirthDateInFuture(Invalid):
    code = "birth_date_in_future"
    text = "The date of birth is in the future."
    text_id = "Tanggal lahir belum terjadi. Periksa kembali."


class OccupationUnknown(Invalid):
    code = "occupation_unknown"
    text = "This occupation is not in the list. Choose one from the list."
    text_id = "Pekerjaan ini tidak ada dalam daftar. Pilih dari daftar."


class OccupationsInvalid(Invalid):
    code = "occupations_invalid"
    text = "Enter one or two different occupations."
    text_id = "Isi satu atau dua pekerjaan yang berbeda."


class NewToBpuBasisMissing(Invalid):
    code = "new_to_bpu_basis_missing"
    text = "State the basis on which the member is new to BPU."
    text_id = "Isi alasan mengapa peserta ini dianggap baru di BPU."


def find_age_problem(birth_date: date | None, *, limits: Limits, on: date) -> Invalid | None:
    """Return why a person born on `birth_date` cannot be registered on `on`, or None.

    birth_date: None: it is not known, and no problem.
    Source: docs/domain.md, Who may join: 65 or older is refused (confirmed); a minimum age was
    not found in law, so the lower limit is a setting.
    """
    if birth_date is not None and compute_age(birth_date, on) >= AGE_LIMIT:
        return AgeOverLimit(field="birth_date", limit=AGE_LIMIT)
    return find_birth_date_problem(birth_date, limits=limits, on=on)


def find_birth_date_problem(birth_date: date | None, *, limits: Limits, on: date) -> Invalid | None:
    """Return why the birth date of a person registered on `on` cannot be corrected to this one.

    One that makes the person too old is no problem: it may be the truth, and admits nobody, because
    the calendar declines what registers a person of that age.
    """
    if birth_date is None:
        return None
    if birth_date > on:
        return BirthDateInFuture(field="birth_date")
    if compute_age(birth_date, on) < limits.min_age:
        return AgeUnderMinimum(field="birth_date", minimum=limits.min_age)
    return None


def find_contribution_problems(
    *,
    declared_income: int | None,
    programmes: Sequence[Programme | None] | None,
    employs_others: bool | None,
    occupations: Sequence[str | None] | None,
    limits: Limits,
) -> list[Invalid]:
    """Return the problems of the facts from which a contribution is computed.

    None: not known, and no problem.
    Source: docs/domain.md, Programmes and Who may join.
    """
    found: list[Invalid] = []
    if declared_income is not None and declared_income < limits.min_declared_income:
        minimum = limits.min_declared_income
        found.append(IncomeBelowMinimum(field="declared_income", minimum=minimum))
    if programmes is not None and None not in programmes:
        if not set(programmes) >= MANDATORY:
            found.append(MandatoryProgrammeMissing(field="programmes"))
        if employs_others and Programme.JHT not in programmes:
            found.append(JhtMandatory(field="programmes"))
    if occupations is not None:
        found += _find_occupation_problems(occupations)
    return found


def _find_occupation_problems(occupations: Sequence[str | None]) -> list[Invalid]:
    found: list[Invalid] = []
    known = [code for code in occupations if code is not None]
    if len(set(known)) < len(known) or not 1 <= len(occupations) <= MAX_OCCUPATIONS:
        found.append(OccupationsInvalid(field="occupations"))
    for index, code in enumerate(occupations):
        if code is not None and code not in OCCUPATIONS:
            found.append(OccupationUnknown(field=f"occupations.{index}"))
    return found


def find_basis_problem(
    *, new_to_bpu: bool | None, basis: NewToBpuBasis | None, field: str
) -> Invalid | None:
    """Return why a person cannot count as new to BPU: nobody says on what basis. Else None."""
    return NewToBpuBasisMissing(field=field) if new_to_bpu and basis is None else None


def read_nik(text: str, *, birth_date: date | None, on: date) -> Nik:
    """Read a NIK beside the stated birth date, if it is known.

    Raises: NikInvalid.
    """
    return parse_nik(text, today=on, stated_birth_date=birth_date, known_region=is_known_region)


def list_nik_warnings(nik: Nik, stated_sex: Sex) -> list[str]:
    """Return the warnings where a NIK differs from the stated facts."""
    return [*nik.warnings, *([SEX_DIFFERS] if nik.sex != stated_sex else [])]


def sort_programmes(programmes: Sequence[Programme]) -> list[Programme]:
    """Return each programme once, in the order of the law."""
    return [each for each in Programme if each in programmes]


def find_standing(state: RegistrationState | None, *, on: date, last_due: Month) -> Standing:
    """Return a member's standing on a day. last_due: the last month whose due day has passed."""
    if state is None:
        return Standing.REGISTERED_UNPAID
    if on >= state.ends_on:
        return Standing.LAPSED if state.end_reason is EndReason.LAPSED else Standing.ENDED
    return Standing.GRACE if state.first_unpaid <= last_due else Standing.ACTIVE


def has_unpaid_months(
    state: RegistrationState | None, count: int, *, on: date, last_due: Month
) -> bool:
    """Tell whether at least `count` months of an open registration are unpaid and due on a day.

    count: 1 to `UNPAID_MONTHS`.
    """
    return state is not None and state.is_open(on) and state.unpaid_months[count - 1] <= last_due


def can_handle(viewer: Principal, member: Belonging) -> bool:
    """Tell whether the reader handles this record: as the member's agent or as an officer."""
    if is_own_agent(viewer, member):
        return True
    if viewer.has(Role.ADMIN) and viewer.scope is None:
        return True
    return _covers(viewer, member, (Role.BRANCH_OFFICER, Role.ADMIN))


def is_own_agent(viewer: Principal, member: Belonging) -> bool:
    """Tell whether the reader is the agent who cares for this member now."""
    return (
        viewer.has(Role.AGENT)
        and viewer.agent_id is not None
        and (viewer.agent_id == member.acting_agent_id)
    )


def may_read_phone(viewer: Principal, member: Belonging) -> bool:
    """Tell whether the reader is shown the telephone number whole in lists and records."""
    return is_own_agent(viewer, member) or _is_own(viewer, member)


def may_read_identity(viewer: Principal, member: Belonging) -> bool:
    """Tell whether the reader may see this member's name and numbers unmasked."""
    return _is_own(viewer, member) or can_handle(viewer, member)


def may_name_agent(viewer: Principal, member: Belonging) -> bool:
    """Tell whether the reader may see the name of the agent who cares for this member.

    As in payment-service: the member, the agent's wadah, and the offices that know agents.
    """
    of_wadah = (
        viewer.has(Role.WADAH_ADMIN)
        and viewer.wadah_id is not None
        and viewer.wadah_id == member.wadah_id
    )
    return _is_own(viewer, member) or of_wadah or _covers(viewer, member, KNOW_AGENTS)


def _covers(viewer: Principal, member: Belonging, roles: Collection[Role]) -> bool:
    return viewer.has(*roles) and viewer.covers(
        branch_code=member.branch_code, region_code=member.region_code
    )


def _is_own(viewer: Principal, member: Belonging) -> bool:
    return viewer.has(Role.MEMBER) and viewer.member_id == member.id
