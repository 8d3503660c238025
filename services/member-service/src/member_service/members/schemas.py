from datetime import date, datetime
from typing import Annotated

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
)

from member_service.members.rules import NewToBpuBasis, Sex, Standing
from member_service.occupations.rules import MAX_OCCUPATIONS
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import (
    AgentId,
    BranchCode,
    Code,
    Day,
    MemberId,
    Model,
    MonthText,
    Out,
    PersonName,
    Phone,
    RecordId,
    RegionCode,
    Rupiah,
    ShortText,
    Text255,
    WadahId,
)

NikText = Annotated[ShortText, Field(description="16 digits.", examples=["3510111203900001"])]
KkText = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{16}$"), Field(description="Family card, 16 digits.")
]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Occupations = Annotated[
    list[Code],
    Field(
        min_length=1,
        max_length=MAX_OCCUPATIONS,
        description="Codes of /v1/occupations, the main occupation first.",
    ),
]
Programmes = Annotated[
    list[Programme], Field(min_length=1, max_length=10, description="jkk and jkm are mandatory.")
]


class Address(Model):
    street: Text255
    village: Annotated[ShortText, Field(description="Desa or kelurahan.")]
    district: Annotated[ShortText, Field(description="Kecamatan.")]


class MemberFacts(Model):
    """What a member's record says."""

    nik: NikText
    kk: KkText | None = None
    full_name: PersonName
    birth_date: Day
    place_of_birth: ShortText
    sex: Sex
    phone: Phone
    email: Email | None = None
    address: Address
    occupations: Occupations
    declared_income: Rupiah
    programmes: Programmes
    employs_others: StrictBool = False
    payer: Payer = Payer.SELF
    new_to_bpu: Annotated[
        StrictBool, Field(description="Never before registered in the BPU segment.")
    ]
    new_to_bpu_basis: NewToBpuBasis | None = None


class MemberSummary(Out):
    """A member in a list; NIK and telephone masked, the name where the reader may not see it."""

    id: RecordId
    nik: str
    full_name: str
    phone: str
    village: str
    standing: Annotated[Standing, Field(description="Standing of the member today.")]
    paid_through: MonthText | None
    agent_id: AgentId | None
    branch_code: BranchCode
    enrolled_on: Annotated[date, Field(description="Day of the enrolment, in Jakarta.")]
    version: int


class MemberOut(MemberSummary):
    """NIK, family card, telephone and e-mail masked; see `/identity` for the whole."""

    kk: str | None
    birth_date: date | None
    sex: Sex
    email: str | None
    district: str
    occupations: list[str]
    sector: Sector
    declared_income: Rupiah
    programmes: list[Programme]
    employs_others: bool
    payer: Payer
    new_to_bpu: bool
    new_to_bpu_basis: NewToBpuBasis | None
    nik_warnings: list[str]
    region_code: RegionCode
    wadah_id: WadahId | None
    created_at: Annotated[datetime, Field(description="When it was created.")]


class MemberIdentityOut(Out):
    """Unmasked personal data; every reading of it is recorded."""

    member_id: MemberId
    nik: str
    nik_region: Annotated[str | None, Field(description="Where the NIK was issued.")]
    kk: str | None
    full_name: str
    birth_date: date
    place_of_birth: str
    sex: Sex
    phone: str
    email: str | None
    street: str
    village: str
    district: str
