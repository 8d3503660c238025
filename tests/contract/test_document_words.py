"""Everything in the document of the API is described."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from contract.document_words import (
    examples,
    fields_without_unit,
    operations,
    undescribed_fields,
    undescribed_parameters,
)

Find = Callable[[dict[str, Any]], Iterable[tuple[str, str]]]
FINDERS: tuple[Find, ...] = (undescribed_fields, undescribed_parameters, fields_without_unit)


@pytest.mark.parametrize("find", FINDERS, ids=lambda each: each.__name__)
def test_nothing_is_left_unsaid(document: dict[str, Any], find: Find) -> None:
    assert sorted(set(find(document))) == []


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    missing = {
        operation["operationId"]
        for operation in operations(document)
        if "requestBody" in operation and not examples(document, operation)
    }

    assert missing == set()


def test_the_finders_find() -> None:
    schemas: dict[str, dict[str, Any]] = {
        "Bill": {
            "properties": {
                "amount": {"type": "integer", "description": "What is owed."},
                "relief_bps": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "base": {"type": "integer", "description": "Whole rupiah."},
                "status": {"$ref": "#/components/schemas/BillStatus"},
                "payer": {"$ref": "#/components/schemas/Payer"},
            }
        },
        "BillStatus": {"type": "string", "description": "Where it stands."},
        "Payer": {"type": "string"},
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Payer"}}}}
    operation = {"operationId": "a.b", "parameters": [{"name": "q"}], "requestBody": body}
    document = {"paths": {"/": {"get": operation}}, "components": {"schemas": schemas}}

    assert list(undescribed_fields(document)) == [("Bill", "relief_bps"), ("Bill", "payer")]
    assert list(fields_without_unit(document)) == [("Bill", "amount"), ("Bill", "relief_bps")]
    assert list(undescribed_parameters(document)) == [("a.b", "q")]
    assert examples(document, operation) == []
    schemas["Payer"]["examples"] = ["self"]
    assert examples(document, operation) == ["self"]
