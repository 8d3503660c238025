"""The building blocks of messages: bounded text, amounts, dates, and the base models."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from snap_bi.errors import FieldProblem, ProblemKind, SnapError, TimestampInvalid
from snap_bi.timestamps import parse_timestamp

# Amounts: 16 digits before the point, two after. `[0-9]`, because \d also matches other scripts.
AMOUNT_PATTERN = r"^[0-9]{1,16}\.[0-9]{2}$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _printable(text: str) -> str:
    # NUL cannot be stored, and no field of the standard has a use for control characters.
    if _CONTROL.search(text) is not None:
        raise ValueError("control characters")
    return text


def _timestamp(text: str) -> str:
    try:
        parse_timestamp(text)
    except TimestampInvalid as error:
        raise ValueError("not a timestamp") from error
    return text


def _digits(value: object) -> object:
    # Number in the standard's table, String in half of its samples.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Printable = AfterValidator(_printable)
Text1 = Annotated[str, StringConstraints(max_length=1), Printable]
Text2 = Annotated[str, StringConstraints(max_length=2), Printable]
Text6 = Annotated[str, StringConstraints(max_length=6), Printable]
Text11 = Annotated[str, StringConstraints(max_length=11), Printable]
Text16 = Annotated[str, StringConstraints(max_length=16), Printable]
Text30 = Annotated[str, StringConstraints(max_length=30), Printable]
Text32 = Annotated[str, StringConstraints(max_length=32), Printable]
Text34 = Annotated[str, StringConstraints(max_length=34), Printable]
Text50 = Annotated[str, StringConstraints(max_length=50), Printable]
Text64 = Annotated[str, StringConstraints(max_length=64), Printable]
Text100 = Annotated[str, StringConstraints(max_length=100), Printable]
Text128 = Annotated[str, StringConstraints(max_length=128), Printable]
Text150 = Annotated[str, StringConstraints(max_length=150), Printable]
Text255 = Annotated[str, StringConstraints(max_length=255), Printable]
PaddedDigits8 = Annotated[str, StringConstraints(pattern=r"^ *[0-9]+ *$", max_length=8)]
PaddedDigits20 = Annotated[str, StringConstraints(pattern=r"^ *[0-9]+ *$", max_length=20)]
PaddedDigits28 = Annotated[str, StringConstraints(pattern=r"^ *[0-9]+ *$", max_length=28)]
NumberText4 = Annotated[str, BeforeValidator(_digits), StringConstraints(pattern=r"^[0-9]{1,4}$")]
NumberText1 = Annotated[str, BeforeValidator(_digits), StringConstraints(max_length=1), Printable]
TimestampText = Annotated[str, StringConstraints(max_length=35), AfterValidator(_timestamp)]
AmountText = Annotated[str, StringConstraints(pattern=AMOUNT_PATTERN)]


class Message(BaseModel):
    """A message or a part of one; names are SNAP's camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    NUMBER_FIELDS: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Self:
        """Validate a parsed body; null, empty text and an absent key are the same.

        Raises: FieldProblem naming the first field that is missing or badly formed.
        """
        try:
            return cls.model_validate(without_empty(data))
        except ValidationError as error:
            raise _problem(error) from None

    def to_bytes(self) -> bytes:
        """Write compact JSON without the absent optional fields."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode("utf-8")


class AmountNotRupiah(SnapError):
    """An amount with a fraction of a rupiah."""


class Amount(Message):
    """`{"value": "36800.00", "currency": "IDR"}`; other currencies are refused as a format."""

    value: AmountText
    currency: Literal["IDR"]

    @property
    def rupiah(self) -> int:
        """Return whole rupiah. Raises: AmountNotRupiah when the fraction is not .00."""
        whole, _, fraction = self.value.partition(".")
        if fraction != "00":
            raise AmountNotRupiah("a fraction of a rupiah")
        return int(whole)


def amount_of(rupiah: int) -> dict[str, str]:
    """Write whole rupiah as an amount. Raises: ValueError when it has not one to 16 digits."""
    if not 0 <= rupiah < 10**16:
        raise ValueError("an amount has one to sixteen digits")
    return {"value": f"{rupiah}.00", "currency": "IDR"}


def _whole(amount: Amount) -> Amount:
    if not amount.value.endswith(".00"):
        raise ValueError("a fraction of a rupiah")
    return amount


# For what is paid: bills are whole rupiah, so a fraction is a wrong format, not a wrong amount.
WholeRupiah = Annotated[Amount, AfterValidator(_whole)]


def without_empty(data: Mapping[str, object]) -> dict[str, object]:
    """Drop null and empty text, and objects that hold nothing else, at every depth."""
    kept: dict[str, object] = {}
    for key, value in data.items():
        if value is None or value == "":
            continue
        if isinstance(value, dict):
            value = without_empty(value)
            if not value:
                continue
        kept[key] = value
    return kept


def _problem(error: ValidationError) -> FieldProblem:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind = ProblemKind.MISSING if first["type"] == "missing" else ProblemKind.FORMAT
    names = [str(part) for part in first["loc"]]
    if first["type"] == "value_error" and names[-1:] in (["paidAmount"], ["totalAmount"]):
        names.append("value")
    return FieldProblem(kind, ".".join(names))
