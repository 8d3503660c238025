"""What is wrong with a field is said in our words, never with the value that was sent."""

import json
import re
import uuid
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

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
