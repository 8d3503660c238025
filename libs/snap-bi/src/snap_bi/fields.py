"""The building blocks of messages: bounded text, amounts, dates, and the base models."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from snap_bi import strict_fields
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

    STRICT_FIELDS: ClassVar[frozenset[str] | None] = None
    """Names on the wire of the fields that are read strictly (deciding.py); None: all of them."""

    @classmethod
    def read(cls, data: Mapping[str, object], *, dropped: set[str] | None = None) -> Self:
        """Validate a parsed body; null, empty text and an absent key are the same.

        An optional field that is badly formed is left out, and so is one that is not known.
        dropped: takes the names of those, dotted; never a value.
        Raises: FieldProblem naming the first deciding field that is missing or badly formed, or
        that comes in two spellings.
        """
        dropped = set() if dropped is None else dropped
        kept = _readable(cls, data, dropped)
        for _ in range(len(kept) + 1):  # what is left out may have hidden another spelling of it
            try:
                return cls._validated(kept)
            except ValidationError as error:
                for path in _droppable_paths(cls, error):
                    _drop(kept, path)
                    dropped.add(".".join(path))
        return cls._validated(kept)

    @classmethod
    def _validated(cls, data: Mapping[str, object]) -> Self:
        # By the names of the wire alone: our own spelling of a field must not pass for it.
        return cls.model_validate(data, by_alias=True, by_name=False)

    @classmethod
    @cache
    def wire_names(cls) -> frozenset[str]:
        """Return the names its fields have on the wire."""
        names: set[str] = set()
        for field in cls.model_fields.values():
            alias = field.validation_alias or field.alias
            choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
            names.update(str(choice) for choice in choices)
        return frozenset(names)

    @classmethod
    @cache
    def parts(cls) -> Mapping[str, "type[Message]"]:
        """Return the messages inside this one that decide, by their names on the wire."""
        return {
            field.alias: field.annotation
            for field in cls.model_fields.values()
            if field.alias is not None
            and cls.is_strict(field.alias)
            and isinstance(field.annotation, type)
            and issubclass(field.annotation, Message)
        }

    @classmethod
    def is_strict(cls, name: str) -> bool:
        """Tell whether the field of this name on the wire is read strictly."""
        return name in (cls.wire_names() if cls.STRICT_FIELDS is None else cls.STRICT_FIELDS)

    def to_bytes(self) -> bytes:
        """Write compact JSON without the absent optional fields."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode("utf-8")


class AmountNotRupiah(SnapError):
    """An amount with a fraction of a rupiah."""


class Amount(Message):
    """`{"value": "36800.00", "currency": "IDR"}`; other currencies are refused as a format."""

    STRICT_FIELDS = strict_fields.AMOUNT

    value: AmountText
    currency: Literal["IDR"]

    @property
    def rupiah(self) -> int:
        """Return whole rupiah. Raises: AmountNotRupiah when the fraction is not .00."""
        whole, _, fraction = self.value.partition(".")
        if fraction != "00":
            raise AmountNotRupiah("a fraction of a rupiah")
        return int(whole)


def format_amount(rupiah: int) -> dict[str, str]:
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


def _readable(
    kind: type[Message], data: Mapping[str, object], dropped: set[str], within: str = ""
) -> dict[str, object]:
    """Return what of a parsed object can be read: no empty fields and none that are not known."""
    names, parts = kind.wire_names(), kind.parts()
    kept: dict[str, object] = {}
    for name, value in data.items():
        if value is None or value == "":
            continue
        if name not in names:
            _check_no_other_spelling(kind, name, within)
            dropped.add(within + name)
            continue
        if isinstance(value, dict):
            part = parts.get(name)
            inner = f"{within}{name}."
            value = _readable(part, value, dropped, inner) if part else _without_empty(value)
            if not value:
                continue
        elif value == [] and not kind.is_strict(name):
            continue  # an empty object as PHP writes it
        kept[name] = value
    return kept


def _without_empty(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if not (value is None or value in ("", {}))}


def _check_no_other_spelling(kind: type[Message], name: str, within: str) -> None:
    # Who reads `paid_amount` beside `paidAmount` may see another amount than we do.
    found = _spellings(kind).get(_letters(name))
    if found is not None:
        raise FieldProblem(ProblemKind.MISSING, within + found)


@cache
def _spellings(kind: type[Message]) -> Mapping[str, str]:
    return {_letters(name): name for name in kind.wire_names() if kind.is_strict(name)}


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").strip().lower()


def _droppable_paths(kind: type[Message], error: ValidationError) -> list[tuple[str, ...]]:
    """Return where the badly formed optional fields are. Raises: FieldProblem for another one."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    paths = []
    for each in details:
        path = _droppable_path(kind, tuple(str(step) for step in each["loc"]))
        if path is None:
            raise _problem(each) from None
        paths.append(path)
    return paths


def _droppable_path(kind: type[Message], place: tuple[str, ...]) -> tuple[str, ...] | None:
    name, *rest = place
    if not kind.is_strict(name):
        return (name,)
    part = kind.parts().get(name)
    inner = _droppable_path(part, tuple(rest)) if part and rest else None
    return None if inner is None else (name, *inner)


def _drop(data: dict[str, object], path: tuple[str, ...]) -> None:
    name, *rest = path
    inner = data.get(name)
    if rest and isinstance(inner, dict):
        _drop(inner, tuple(rest))
    else:
        data.pop(name, None)


def _problem(detail: Mapping[str, Any]) -> FieldProblem:
    kind = ProblemKind.MISSING if detail["type"] == "missing" else ProblemKind.FORMAT
    names = [str(part) for part in detail["loc"]]
    if detail["type"] == "value_error" and names[-1:] == ["paidAmount"]:
        names.append("value")
    return FieldProblem(kind, ".".join(names))
