"""Types of request and response fields, bounded in length and size."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from perisai_kit.domain.field_errors import FIELD_TEXTS, describe_form
from perisai_kit.domain.money import MAX_RUPIAH
from perisai_kit.domain.month import Month


def _check_signs(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul_byte", "must not contain a NUL byte")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("surrogate", "must be valid Unicode text")
    return text


def _check_secret(secret: SecretStr) -> SecretStr:
    _check_signs(secret.get_secret_value())
    return secret


def _clean(text: str) -> str:
    _check_signs(text)
    if text and not _one_line(text):
        raise PydanticCustomError("blank", "must have at least one visible character")
    return text


# Letters and signs that show nothing, beyond the category of invisible characters.
_BLANK_SIGNS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATIONS = range(0xFE00, 0xFE10)


def _one_line(text: str) -> str:
    """Return a text without invisible characters, in one line, with single blanks."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = []
    for sign in text:
        category = unicodedata.category(sign)
        if sign.isspace() or category.startswith("Z"):
            kept.append(" ")
        elif category in ("Cc", "Cf") or sign in _BLANK_SIGNS or ord(sign) in _VARIATIONS:
            continue
        else:
            kept.append(sign)
    return " ".join("".join(kept).split())


def _text(low: int, high: int) -> Any:
    return StringConstraints(min_length=low, max_length=high, strip_whitespace=True)


ShortText = Annotated[str, _text(1, 100), AfterValidator(_clean), AfterValidator(_one_line)]

Text64 = Annotated[str, _text(1, 64), AfterValidator(_clean), AfterValidator(_one_line)]

Text255 = Annotated[str, _text(1, 255), AfterValidator(_clean), AfterValidator(_one_line)]

SecretText = Annotated[SecretStr, AfterValidator(_check_secret)]
"""A password or token, which no error and no log shows."""
LongText = Annotated[str, _text(1, 2000), AfterValidator(_clean)]
"""May have several lines, as they were written."""


def _person_name(text: str) -> str:
    name = _one_line(unicodedata.normalize("NFC", text))
    if not any(sign.isalpha() for sign in name):
        raise PydanticCustomError("person_name", "must be a name with at least one letter")
    return name


PersonName = Annotated[
    str, _text(1, 100), AfterValidator(_check_signs), AfterValidator(_person_name)
]
"""A name as on a card: one word is enough, and apostrophes and titles stay."""

Code = Annotated[
    str,
    StringConstraints(
        pattern=describe_form(
            r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$",
            "must be 1 to 40 letters, digits, dots, hyphens or underscores",
            "harus 1 sampai 40 huruf, angka, titik, tanda hubung atau garis bawah",
        )
    ),
]


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

FIRST_YEAR, LAST_YEAR = 1900, 2099
"""Of days, months and instants that clients write, so that no arithmetic with them overflows."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(rf"{_DAY.pattern}[Tt ].+")


def _check_year(text: str) -> None:
    year = int(text[:4])
    if year < FIRST_YEAR:
        raise PydanticCustomError("greater_than_equal", "is too early", {"ge": FIRST_YEAR})
    if year > LAST_YEAR:
        raise PydanticCustomError("less_than_equal", "is too late", {"le": LAST_YEAR})


def _instant(value: object) -> object:
    # Pydantic would also accept a number, or digits, as seconds since 1970.
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise PydanticCustomError("datetime_parsing", "must be a date and time with an offset")
    _check_year(value)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""RFC 3339 with an offset, from FIRST_YEAR to LAST_YEAR where a client writes it."""


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("date", "must be a date such as 2026-11-30")
    _check_year(value)
    return value


Day = Annotated[date, BeforeValidator(_day)]
"""A calendar date, written 2026-11-30, from FIRST_YEAR to LAST_YEAR where a client writes it."""


def _month(value: object) -> object:
    if isinstance(value, Month):
        return value
    try:
        month = Month.parse(value)  # type: ignore[arg-type]  # parse refuses what is not text
    except (ValueError, TypeError):
        raise PydanticCustomError("month", "must be a month such as 2026-11") from None
    _check_year(str(month))
    return month


MONTH_PATTERN = describe_form("^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", *FIELD_TEXTS["month"])
"""Of a month in an address, which is text."""

MonthText = Annotated[
    Month,
    BeforeValidator(_month),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": MONTH_PATTERN, "examples": ["2026-11"]}),
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
