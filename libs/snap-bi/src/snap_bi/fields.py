"""Types of message fields (bounded text, amounts, dates) and the base model of messages."""

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

# 16 digits before the point, two after. Not `\d`, which also matches digits of other scripts.
AMOUNT_PATTERN = r"^[0-9]{1,16}\.[0-9]{2}$"


def _check_timestamp(text: str) -> str:
    try:
        parse_timestamp(text)
    except TimestampInvalid as error:
        raise ValueError("not a timestamp") from error
    return text


def _convert_number(value: object) -> object:
    # The table of the standard says Number; half of its samples send String.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# PostgreSQL cannot store NUL, and no field of the standard needs control characters. Surrogates are
# refused in any text.
Printable = StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")
Text1 = Annotated[str, StringConstraints(max_length=1), Printable]
Text2 = Annotated[str, StringConstraints(max_length=2), Printable]
Text6 = Annotated[str, StringConstraints(max_length=6), Printable]
Text11 = Annotated[str, StringConstraints(max_length=11), Printable]
Text16 = Annotated[str, StringConstraints(max_length=16), Printable]
Text19 = Annotated[str, StringConstraints(max_length=19), Printable]
Text25 = Annotated[str, StringConstraints(max_length=25), Printable]
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
NumberText4 = Annotated[
    str, BeforeValidator(_convert_number), StringConstraints(pattern=r"^[0-9]{1,4}$")
]
NumberText1 = Annotated[
    str, BeforeValidator(_convert_number), StringConstraints(max_length=1), Printable
]
TimestampText = Annotated[str, StringConstraints(max_length=35), AfterValidator(_check_timestamp)]
AmountText = Annotated[str, StringConstraints(pattern=AMOUNT_PATTERN)]


class Message(BaseModel):
    """Base model of a message or of a part of one; names on the wire are SNAP's camelCase."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    STRICT_FIELDS: ClassVar[frozenset[str] | None] = None
    """Wire names of the strictly validated fields (strict_fields.py); None means all fields."""

    @classmethod
    def read(cls, data: Mapping[str, object], *, dropped: set[str] | None = None) -> Self:
        """Validate a parsed body; null, empty text and an absent key are equal.

        A malformed optional field and an unknown field are ignored.
        dropped: receives the dotted names of ignored fields, and no values.
        Raises: FieldProblem for the first strict field that is missing, malformed or spelled in
        another way.
        """
        dropped = set() if dropped is None else dropped
        kept = _keep_known(cls, data, dropped)
        for _ in range(len(kept) + 1):  # a dropped alias can uncover the other alias of a field
            try:
                return cls._validated(kept)
            except ValidationError as error:
                for path in _find_droppable_paths(cls, error):
                    _drop(kept, path)
                    dropped.add(".".join(path))
        return cls._validated(kept)

    @classmethod
    def _validated(cls, data: Mapping[str, object]) -> Self:
        # by_name=False: our Python name of a field must not be accepted for its wire name.
        return cls.model_validate(data, by_alias=True, by_name=False)

    @classmethod
    @cache
    def wire_names(cls) -> frozenset[str]:
        """Return the wire names of all fields."""
        names: set[str] = set()
        for field in cls.model_fields.values():
            alias = field.validation_alias or field.alias
            choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
            names.update(str(choice) for choice in choices)
        return frozenset(names)

    @classmethod
    @cache
    def parts(cls) -> Mapping[str, "type[Message]"]:
        """Return the strict fields that are messages themselves, by wire name."""
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
        """Return whether the field with this wire name is validated strictly."""
        return name in (cls.wire_names() if cls.STRICT_FIELDS is None else cls.STRICT_FIELDS)

    def to_bytes(self) -> bytes:
        """Return compact JSON without absent optional fields."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode("utf-8")


class AmountNotRupiah(SnapError):
    """An amount with a fraction of a rupiah."""


class Amount(Message):
    """`{"value": "36800.00", "currency": "IDR"}`; another currency is a format error."""

    STRICT_FIELDS = strict_fields.AMOUNT

    value: AmountText
    currency: Literal["IDR"]

    @property
    def rupiah(self) -> int:
        """Return the amount in whole rupiah. Raises: AmountNotRupiah for a fraction."""
        whole, _, fraction = self.value.partition(".")
        if fraction != "00":
            raise AmountNotRupiah("a fraction of a rupiah")
        return int(whole)


def format_amount(rupiah: int) -> dict[str, str]:
    """Return whole rupiah as an amount. Raises: ValueError unless it has 1 to 16 digits."""
    if not 0 <= rupiah < 10**16:
        raise ValueError("an amount has one to sixteen digits")
    return {"value": f"{rupiah}.00", "currency": "IDR"}


def _check_whole(amount: Amount) -> Amount:
    if not amount.value.endswith(".00"):
        raise ValueError("a fraction of a rupiah")
    return amount


# Bills are whole rupiah, so a fraction in a paid amount is a format error, not a wrong amount.
WholeRupiah = Annotated[Amount, AfterValidator(_check_whole)]


def _keep_known(
    kind: type[Message], data: Mapping[str, object], dropped: set[str], within: str = ""
) -> dict[str, object]:
    """Return the known fields of a parsed object that are not empty."""
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
            value = _keep_known(part, value, dropped, inner) if part else _without_empty(value)
            if not value:
                continue
        elif value == [] and not kind.is_strict(name):
            continue  # PHP writes an empty object as []
        kept[name] = value
    return kept


def _without_empty(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if not (value is None or value in ("", {}))}


def _check_no_other_spelling(kind: type[Message], name: str, within: str) -> None:
    # A parser that reads `paid_amount` beside `paidAmount` could see another amount than we do.
    found = _normalise_names(kind).get(_normalise(name))
    if found is not None:
        raise FieldProblem(ProblemKind.MISSING, within + found)


@cache
def _normalise_names(kind: type[Message]) -> Mapping[str, str]:
    return {_normalise(name): name for name in kind.wire_names() if kind.is_strict(name)}


def _normalise(name: str) -> str:
    return name.replace("_", "").replace("-", "").strip().lower()


def _find_droppable_paths(kind: type[Message], error: ValidationError) -> list[tuple[str, ...]]:
    """Return the paths of malformed optional fields.

    Raises: FieldProblem for a malformed strict field.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    paths = []
    for each in details:
        path = _find_droppable_path(kind, tuple(str(step) for step in each["loc"]))
        if path is None:
            raise _build_problem(each) from None
        paths.append(path)
    return paths


def _find_droppable_path(kind: type[Message], place: tuple[str, ...]) -> tuple[str, ...] | None:
    name, *rest = place
    if not kind.is_strict(name):
        return (name,)
    part = kind.parts().get(name)
    inner = _find_droppable_path(part, tuple(rest)) if part and rest else None
    return None if inner is None else (name, *inner)


def _drop(data: dict[str, object], path: tuple[str, ...]) -> None:
    name, *rest = path
    inner = data.get(name)
    if rest and isinstance(inner, dict):
        _drop(inner, tuple(rest))
    else:
        data.pop(name, None)


def _build_problem(detail: Mapping[str, Any]) -> FieldProblem:
    kind = ProblemKind.MISSING if detail["type"] == "missing" else ProblemKind.FORMAT
    names = [str(part) for part in detail["loc"]]
    if detail["type"] == "value_error" and names[-1:] == ["paidAmount"]:
        names.append("value")
    return FieldProblem(kind, ".".join(names))
