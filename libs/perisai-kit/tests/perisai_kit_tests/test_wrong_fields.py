"""What is wrong with a field is said in our words, never with the value that was sent."""

import json
import re
import uuid
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.types import required_tag
from perisai_kit.http.validation import build_field_problems

OUR_LIMITS = frozenset(
    {"gt", "ge", "lt", "le", "multiple_of", "field_type", "min_length", "max_length"}
    | {"actual_length", "expected_plural", "pattern", "expected", "discriminator"}
    | {"expected_schemes", "expected_version", "max_digits", "decimal_places", "whole_digits"}
)
"""What a message may hold: limits and choices of ours, and the count of what was sent."""
SENT = "3510\x00112509900001"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Name(BaseModel):
    name: Annotated[str, Field(min_length=1)]


class Basket(BaseModel):
    pet: Name | None = None


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


def test_every_message_of_the_library_that_may_quote_is_put_in_our_words() -> None:
    quoting = [
        error["type"]
        for error in list_all_errors()
        if not OUR_LIMITS.issuperset(re.findall(r"{(\w+)}", error["message_template_python"]))
    ]

    details = [
        build_field_problems([{"type": kind, "loc": ("body",), "msg": SENT}], language="en")[0][
            "detail"
        ]
        for kind in quoting
    ]

    assert len(details) > 20
    assert SENT not in details


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (uuid.UUID, SENT),
        (date, SENT),
        (AwareDatetime, SENT),
        (int, SENT),
        (float, SENT),
        (bool, SENT),
        (Pet, {"kind": SENT}),
        (dict[str, int], {"a": SENT}),
        (Annotated[str, Field(pattern="^x$")], SENT),
        (Literal["a"], SENT),
    ],
)
@pytest.mark.parametrize("language", ["en", "id"])
def test_no_problem_quotes_what_was_sent(kind: Any, value: Any, language: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)

    problems = build_field_problems(
        list(refused.value.errors()),  # type: ignore[arg-type]  # typed as what pydantic promises
        language=language,
        prefix=("body", "field"),
        content=value,
    )

    assert problems
    assert "3510" not in json.dumps(problems)
    assert "\\u0000" not in json.dumps(problems)


@pytest.mark.parametrize(
    ("kind", "value", "english", "indonesian"),
    [
        (
            Annotated[str, Field(min_length=12)],
            "x",
            "must have at least 12 characters",
            "minimal 12 karakter",
        ),
        (
            Annotated[list[int], Field(min_length=2)],
            [1],
            "must have at least 2 entries",
            "minimal 2 isian",
        ),
        (
            Annotated[SecretStr, Field(min_length=12)],
            "x",
            "must have at least 12 characters",
            "minimal 12 karakter",
        ),
        (
            Annotated[str, Field(pattern=r"^[0-9]{6}$")],
            "x",
            "must be 6 digits",
            "harus 6 angka",
        ),
        (
            Annotated[str, Field(pattern=r"^[0-9]{5,34}$")],
            "x",
            "must be 5 to 34 digits",
            "harus 5 sampai 34 angka",
        ),
        (
            Annotated[str, Field(pattern=describe_form("^y+$", "must be y", "harus y"))],
            "x",
            "must be y",
            "harus y",
        ),
        (Annotated[int, Field(ge=1)], 0, "must be 1 or more", "minimal 1"),
        (Annotated[int, Field(le=9)], 10, "must be 9 or less", "maksimal 9"),
        (
            Literal["a", "b", "c"],
            SENT,
            "must be one of: a, b, c",
            "harus salah satu dari: a, b, c",
        ),
        (Literal[1, 2], 3, "must be one of: 1 or 2", "harus salah satu dari: 1 or 2"),
    ],
)
def test_a_text_says_the_limit_or_the_allowed_values(
    kind: Any, value: Any, english: str, indonesian: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)

    raw: Any = list(refused.value.errors())

    assert build_field_problems(raw, language="en")[0]["detail"] == english
    assert build_field_problems(raw, language="id")[0]["detail"] == indonesian


@pytest.mark.parametrize("value", [{"kind": SENT}, {}, {"kind": None}, {"kind": 7}])
def test_a_union_points_to_the_field_that_decides_with_its_allowed_values(value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Annotated[Pet, required_tag("kind")]).validate_python(value)

    raw: Any = list(refused.value.errors())

    assert build_field_problems(raw, language="en", prefix=("body",), content=value) == [
        {"code": "union_tag_invalid", "detail": "must be one of: cat, dog", "pointer": "/kind"}
    ]


def test_a_field_of_an_object_is_not_moved_beside_a_text_that_is_its_name() -> None:
    value = {"label": "pet", "pet": {}}
    with pytest.raises(ValidationError) as refused:
        Basket.model_validate(value)

    raw: Any = list(refused.value.errors())
    found = build_field_problems(raw, language="en", prefix=("body",), content=value)

    assert "/pet/name" in {each["pointer"] for each in found}


def test_a_field_that_may_be_null_is_named_by_what_is_wrong_inside_it() -> None:
    value = {"pet": {"name": ""}}
    with pytest.raises(ValidationError) as refused:
        Basket.model_validate(value)

    raw: Any = list(refused.value.errors())

    assert build_field_problems(raw, language="en", prefix=("body",), content=value) == [
        {"code": "string_too_short", "detail": "must have at least 1 characters",
         "pointer": "/pet/name"}
    ]  # fmt: skip
