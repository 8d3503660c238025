"""Types of request and response fields, bounded in length and size."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import phonenumbers
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from perisai_kit.domain.month import Month

MAX_RUPIAH = 2**53
"""The largest integer that every JSON reader represents exactly."""


def _clean(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul_byte", "must not contain a NUL byte")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("surrogate", "must be valid Unicode text")
    return text


def _text(low: int, high: int) -> Any:
    return StringConstraints(min_length=low, max_length=high, strip_whitespace=True)


ShortText = Annotated[str, _text(1, 100), AfterValidator(_clean)]

Text64 = Annotated[str, _text(1, 64), AfterValidator(_clean)]

Text255 = Annotated[str, _text(1, 255), AfterValidator(_clean)]

LongText = Annotated[str, _text(1, 2000), AfterValidator(_clean)]

# Letters and signs that show nothing, beyond the category of invisible characters.
_BLANK_SIGNS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATIONS = range(0xFE00, 0xFE10)


def _person_name(text: str) -> str:
    """Return a name without invisible characters, in one line, with single blanks."""
    kept = []
    for sign in unicodedata.normalize("NFC", text):
        category = unicodedata.category(sign)
        if sign.isspace() or category.startswith("Z"):
            kept.append(" ")
        elif category in ("Cc", "Cf") or sign in _BLANK_SIGNS or ord(sign) in _VARIATIONS:
            continue
        else:
            kept.append(sign)
    name = " ".join("".join(kept).split())
    if not any(sign.isalpha() for sign in name):
        raise PydanticCustomError("person_name", "must be a name with at least one letter")
    return name


PersonName = Annotated[ShortText, AfterValidator(_person_name)]
"""A name as on a card: one word is enough, and apostrophes and titles stay."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


# Numbers as people write them. phonenumbers accepts letters too, as keys of an old telephone.
_WRITTEN_PHONE = re.compile(r"[+(0-9][0-9 ().\-]{3,29}")

_SIGNS = str.maketrans({"\uff0b": "+", "\ufe62": "+", "\u2212": "-", "\uff08": "(", "\uff09": ")",
                        "\uff0e": ".", "\t": " "})  # fmt: skip

_LONGEST_WRITTEN = 60
"""Including invisible characters."""

_COUNTRY_IN_BRACKETS = re.compile(r"^\(\+([0-9]{1,3})\)")

_COUNTRY = "62"


def _plain(text: str) -> str:
    """Return a copied text without invisible characters, with plain spaces, dashes and digits."""
    kept = []
    for sign in text.translate(_SIGNS):
        match unicodedata.category(sign):
            case "Cf":
                continue
            case "Zs":
                kept.append(" ")
            case "Pd":
                kept.append("-")
            case "Nd":
                kept.append(str(unicodedata.decimal(sign)))
            case _:
                kept.append(sign)
    return _COUNTRY_IN_BRACKETS.sub(r"+\1 ", "".join(kept).strip())


def _international(text: str) -> str:
    """Return a number with a country code but no plus, `62…` or `0062…`, with a plus.

    No national number begins with 62 or 00: the area code follows a single 0.
    Raises: NumberParseException for 00 and another country.
    """
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+") or not digits.startswith((_COUNTRY, "00")):
        return text
    if not digits.startswith((_COUNTRY, f"00{_COUNTRY}")):
        raise phonenumbers.NumberParseException(
            phonenumbers.NumberParseException.INVALID_COUNTRY_CODE, "00 and another country"
        )
    return "+" + digits.removeprefix("00")


def _without_second_country(number: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """Return the mobile number of +62 62 8…, where a form has added a second +62."""
    national = str(number.national_number)
    if number.country_code == int(_COUNTRY) and national.startswith(f"{_COUNTRY}8"):
        inner = phonenumbers.parse(f"+{national}")
        if phonenumbers.number_type(inner) == phonenumbers.PhoneNumberType.MOBILE:
            return inner
    return number


def _phone(value: object) -> object:
    wrong = PydanticCustomError("phone", "must be a telephone number")
    if not isinstance(value, str) or len(value) > _LONGEST_WRITTEN:
        raise wrong
    text = _plain(value)
    if not _WRITTEN_PHONE.fullmatch(text):
        raise wrong
    try:
        number = phonenumbers.parse(_international(text), "ID")
        if text.startswith("+"):
            number = _without_second_country(number)
    except phonenumbers.NumberParseException:
        raise wrong from None
    if not phonenumbers.is_possible_number(number):
        raise wrong
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Phone = Annotated[
    str,
    BeforeValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_WRITTEN_PHONE.pattern}$",
            "examples": ["0812 3456 7890", "+6281234567890"],
        }
    ),
]
"""An Indonesian or international number, normalised to E.164 (+62…)."""

Rupiah = Annotated[
    int, Field(ge=0, le=MAX_RUPIAH, strict=True, description="Whole rupiah, an integer.")
]

PositiveRupiah = Annotated[
    int, Field(gt=0, le=MAX_RUPIAH, strict=True, description="Whole rupiah, an integer.")
]

SignedRupiah = Annotated[
    int,
    Field(
        ge=-MAX_RUPIAH,
        le=MAX_RUPIAH,
        strict=True,
        description="Whole rupiah, an integer; negative where more was taken back than given.",
    ),
]

Count = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]

Instant = AwareDatetime
"""RFC 3339 with an offset."""


def _day(value: object) -> object:
    # Pydantic would also accept a number as seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) != len("2026-11-30"):
        raise PydanticCustomError("date", "must be a date such as 2026-11-30")
    return value


WRITTEN_DAY = BeforeValidator(_day)

Day = Annotated[date, WRITTEN_DAY]
"""A calendar date, written 2026-11-30."""


def _month(value: object) -> object:
    if isinstance(value, Month):
        return value
    try:
        return Month.parse(value)  # type: ignore[arg-type]  # parse refuses what is not text
    except (ValueError, TypeError):
        raise PydanticCustomError("month", "must be a month such as 2026-11") from None


MonthText = Annotated[
    Month,
    BeforeValidator(_month),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$", "examples": ["2026-11"]}
    ),
]


def required_tag(name: str) -> BeforeValidator:
    """Return what makes a union name the choices for its discriminator where it is missing too."""

    def fill(value: Any) -> Any:
        return {name: "", **value} if isinstance(value, dict) else value

    return BeforeValidator(fill)


RecordId = Annotated[UUID, Field(description="Id of this object.")]
AccountId = Annotated[UUID, Field(description="Id of the account.")]
AgentId = Annotated[UUID, Field(description="Id of the agent.")]
AllocationId = Annotated[UUID, Field(description="Id of the allocation.")]
ApplicationId = Annotated[UUID, Field(description="Id of the application of a future agent.")]
BatchId = Annotated[UUID, Field(description="Id of the enrolment batch, made by the client.")]
BeneficiaryId = Annotated[UUID, Field(description="Id of the agent or wadah that earns it.")]
BillId = Annotated[UUID, Field(description="Id of the bill.")]
MemberId = Annotated[UUID, Field(description="Id of the member.")]
OrderId = Annotated[UUID, Field(description="Id of the order.")]
ParkedEventId = Annotated[UUID, Field(description="Id of the parked event.")]
PartnerId = Annotated[UUID, Field(description="Id of the bank partner.")]
PaymentId = Annotated[UUID, Field(description="Id of the payment.")]
SchemeId = Annotated[UUID, Field(description="Id of the commission scheme.")]
SessionId = Annotated[UUID, Field(description="Id of the session.")]
StatementId = Annotated[UUID, Field(description="Id of the incentive statement.")]
WadahId = Annotated[UUID, Field(description="Id of the wadah, to which agents belong.")]


def _distinct(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) < len(ids):
        raise PydanticCustomError("entry_repeated", "must not have the same entry twice")
    return ids


DistinctIds = Annotated[
    list[UUID], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})
]
"""Ids without a repeated one; how many is said where it is used."""

BranchCode = Annotated[str, Field(description="Code of the branch.")]
RegionCode = Annotated[str, Field(description="Code of the region.")]
ReasonText = Annotated[
    LongText, Field(description="Why, in words; kept in the history. No personal data.")
]


class Model(BaseModel):
    """The base of request bodies: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Out(BaseModel):
    """The base of responses, read from attributes."""

    model_config = ConfigDict(from_attributes=True, arbitrary_types_allowed=True)


def with_example(**fields: Any) -> ConfigDict:
    """Return the `model_config` of a request body with an example, which a test sends."""
    return ConfigDict(json_schema_extra={"examples": [fields]})
