"""What the documents call a number or a truth value is taken as nothing else."""

from collections.abc import Iterator

import pytest
from pydantic import Strict
from pydantic.fields import FieldInfo

import agent_service.app
import gateway.app
import member_service.app
import payment_service.app
from perisai_kit.http.types import Model

APPS = (agent_service.app, gateway.app, member_service.app, payment_service.app)
"""Imported for their schemas."""


def kinds_of(model: type[Model]) -> Iterator[type[Model]]:
    for kind in model.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def is_strict(field: FieldInfo) -> bool:
    return any(isinstance(each, Strict) and each.strict for each in field.metadata)


REQUESTS = sorted(
    {kind for kind in kinds_of(Model) if kind.__module__.endswith(".schemas")},
    key=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
)


@pytest.mark.parametrize("model", REQUESTS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_request_takes_neither_0_for_false_nor_text_for_a_number(model: type[Model]) -> None:
    plain = [
        name
        for name, field in model.model_fields.items()
        if field.annotation in {bool, int, bool | None, int | None} and not is_strict(field)
    ]

    assert plain == []
