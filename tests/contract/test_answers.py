"""The main answers have an example in the document, which is of their form."""

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

MAIN = (
    "Bill",
    "Coverage",
    "EnrolmentBatch",
    "Me",
    "Member",
    "MemberRow",
    "Payment",
    "Problem",
    "Quote",
    "Receipt",
    "Token",
)


@pytest.mark.parametrize("name", MAIN)
def test_an_example_of_an_answer_is_of_its_form(document: dict[str, Any], name: str) -> None:
    schema = document["components"]["schemas"][name]
    (example,) = schema["examples"]
    whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}

    faults = [
        f"{fault.instance_path}: {fault.message}"
        for fault in Draft202012Validator(whole).iter_errors(example)
    ]

    assert faults == []
    assert example.keys() <= schema["properties"].keys()
