from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
)

from member_service.members.rules import NewToBpuBasis, Sex, Standing
from member_service.occupations.rules import MAX_OCCUPATIONS
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.phones import Phone
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
    RecordId,
    RegionCode,
    Rupiah,
    ShortText,
    Text255,
    WadahId,
    with_example,
)

NikText = Annotated[ShortText, Field(description="16 digits.", examples=["3510111203900001"])]
KkText = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{16}$"), Field(description="Family card, 16 digits.")
]
_EMAIL = describe_form(
    r"^[^@\s\x00]+@[^@\s\x00]+$",
    "must be an e-mail address such as ani@example.org",
    "harus berupa alamat email, misalnya ani@example.org",
)
Email = Annotated[str, StringConstraints(max_length=254, pattern=_EMAIL)]
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
    street: Annotated[Text255, Field(description="Street and number.")]
    village: Annotated[ShortText, Field(description="Desa or kelurahan.")]
    district: Annotated[ShortText, Field(description="Kecamatan.")]


class MemberFacts(Model):
    """What a member's record says."""

    nik: NikText
    kk: KkText | None = None
    full_name: Annotated[PersonName, Field(description="Full name, as on the identity card.")]
    birth_date: Annotated[Day, Field(description="Date of birth.")]
    place_of_birth: Annotated[ShortText, Field(description="Place of birth.")]
    sex: Annotated[Sex, Field(description="Sex.")]
    phone: Annotated[Phone, Field(description="The member's own telephone number.")]
    email: Annotated[Email | None, Field(description="E-mail address.")] = None
    address: Annotated[Address, Field(description="Where the person lives.")]
    occupations: Occupations
    declared_income: Rupiah
    programmes: Programmes
    employs_others: Annotated[
        StrictBool, Field(description="Whether the person employs others; then JHT is mandatory.")
    ] = False
    payer: Annotated[Payer, Field(description="Who pays the contributions; decides relief.")] = (
        Payer.SELF
    )
    new_to_bpu: Annotated[
        StrictBool, Field(description="Never before registered in the BPU segment.")
    ]
    new_to_bpu_basis: Annotated[
        NewToBpuBasis | None, Field(description="Source of the statement; needed for `new_to_bpu`.")
    ] = None


class MemberSummary(Out):
    """A member; NIK masked, name and telephone where the reader may not see them."""

    id: RecordId
    nik: Annotated[str, Field(description="NIK, masked.")]
    full_name: Annotated[
        str, Field(description="Full name; masked for readers who may not see it.")
    ]
    phone: Annotated[
        str,
        Field(description="Telephone number; whole for the member's agent and the member only."),
    ]
    village: Annotated[str, Field(description="Desa or kelurahan.")]
    standing: Annotated[Standing, Field(description="Standing of the member today.")]
    paid_through: Annotated[
        MonthText | None,
        Field(description="Last paid contribution month of the last registration."),
    ]
    agent_id: AgentId | None
    branch_code: BranchCode
    enrolled_on: Annotated[date, Field(description="Day of the enrolment, in Jakarta.")]
    version: Annotated[
        int, Field(description="Counts the changes of the record; the ETag of the member.")
    ]


SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
    "nik": "3510********0001",
    "full_name": "Siti Aminah",
    "phone": "+6281234567890",
    "village": "Kalibaru",
    "standing": "active",
    "paid_through": "2026-12",
    "agent_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a01",
    "branch_code": "BWI",
    "enrolled_on": "2026-11-03",
    "version": 1,
}
"""Of what every answer about a member says."""


class MemberOut(MemberSummary):
    """NIK, family card and e-mail masked; see `/identity` for the whole."""

    model_config = with_example(
        **SUMMARY_EXAMPLE,
        kk=None,
        birth_date="1990-03-12",
        sex="female",
        email=None,
        district="Kalibaru",
        occupations=["fisher"],
        sector="other",
        declared_income=1_500_000,
        programmes=["jkk", "jkm", "jht"],
        employs_others=False,
        payer="self",
        new_to_bpu=True,
        new_to_bpu_basis="member_statement",
        nik_warnings=[],
        region_code="JTM",
        wadah_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7f01",
        created_at="2026-11-03T01:12:00Z",
    )

    kk: Annotated[str | None, Field(description="Family card, masked.")]
    birth_date: Annotated[
        date | None, Field(description="Date of birth; null for readers who may not see it.")
    ]
    sex: Annotated[Sex, Field(description="Sex.")]
    email: Annotated[str | None, Field(description="E-mail address, masked.")]
    district: Annotated[str, Field(description="Kecamatan.")]
    occupations: Annotated[
        list[str], Field(description="Codes of /v1/occupations, the main occupation first.")
    ]
    sector: Annotated[Sector, Field(description="Sector of the main occupation; decides relief.")]
    declared_income: Rupiah
    programmes: Annotated[list[Programme], Field(description="The programmes to be paid.")]
    employs_others: Annotated[bool, Field(description="Whether JHT is mandatory.")]
    payer: Annotated[Payer, Field(description="Who pays the contributions; decides relief.")]
    new_to_bpu: Annotated[
        bool,
        Field(description="Never before registered in the BPU segment, by the latest evidence."),
    ]
    new_to_bpu_basis: Annotated[NewToBpuBasis | None, Field(description="Source of the evidence.")]
    nik_warnings: Annotated[
        list[str], Field(description="What is odd about the NIK; nothing is refused because of it.")
    ]
    region_code: RegionCode
    wadah_id: WadahId | None
    created_at: Annotated[datetime, Field(description="When it was created.")]


class MemberIdentityOut(Out):
    """Unmasked personal data; every reading of it is recorded."""

    member_id: MemberId
    nik: Annotated[str, Field(description="NIK, 16 digits.")]
    nik_region: Annotated[str | None, Field(description="Where the NIK was issued.")]
    kk: Annotated[str | None, Field(description="Family card, 16 digits.")]
    full_name: Annotated[str, Field(description="Full name.")]
    birth_date: Annotated[date, Field(description="Date of birth.")]
    place_of_birth: Annotated[str, Field(description="Place of birth.")]
    sex: Annotated[Sex, Field(description="Sex.")]
    phone: Annotated[str, Field(description="Telephone number.")]
    email: Annotated[str | None, Field(description="E-mail address.")]
    street: Annotated[str, Field(description="Street and number.")]
    village: Annotated[str, Field(description="Desa or kelurahan.")]
    district: Annotated[str, Field(description="Kecamatan.")]
