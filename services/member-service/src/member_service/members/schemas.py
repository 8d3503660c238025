from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from member_service.members.rules import (
    SENSITIVE,
    ConfirmationRequired,
    NewToBpuBasis,
    Payer,
    Programme,
    RiskFlag,
    Sex,
    Standing,
)
from member_service.occupations.rules import MAX_OCCUPATIONS, Sector
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
    with_example,
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


class MemberPatch(Model):
    """Only what is sent changes; `kk` and `email` may be taken away with null.

    Name, date of birth, sex, telephone, occupations and payer are corrections.
    """

    model_config = with_example(declared_income=1_500_000)

    kk: KkText | None = None
    email: Annotated[Email | None, Field(description="E-mail; null takes it away.")] = None
    place_of_birth: Annotated[
        ShortText | SkipJsonSchema[None], Field(description="Place of birth.")
    ] = None
    address: Annotated[
        Address | SkipJsonSchema[None], Field(description="Where the member lives.")
    ] = None
    declared_income: Rupiah | SkipJsonSchema[None] = None
    programmes: Programmes | SkipJsonSchema[None] = None
    employs_others: Annotated[
        StrictBool | SkipJsonSchema[None], Field(description="Employs others; then JHT is a must.")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _not_sensitive(cls, sent: Any) -> Any:
        sensitive = [each for each in SENSITIVE if isinstance(sent, dict) and each in sent]
        if sensitive:
            raise ConfirmationRequired(field=sensitive[0], fields=sensitive)
        return sent

    @field_validator(
        "place_of_birth",
        "address",
        "declared_income",
        "programmes",
        "employs_others",
        mode="before",
    )
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "must not be null")
        return value


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
    risk_flags: Annotated[
        list[RiskFlag] | None,
        Field(description="Marks for possible fraud; null where the reader does not see them."),
    ] = None


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
