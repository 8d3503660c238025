"""Whatever may be wrong with a field of a body has words in both languages, with its limits."""

from collections.abc import Iterator
from typing import Any

import pytest
from contract.conftest import MODULES
from contract.mutations import choose_all, example, operations, wrong_values
from contract.test_roles import api_routes

import gateway.app
from perisai_kit.domain.field_errors import FIELD_TEXTS, NOT_VALID
from perisai_kit.http.validation import build_field_problems
from sandbox.openapi.platform import build_app

APPS = {**MODULES, "gateway": gateway.app}


def faults(service: str) -> Iterator[tuple[list[dict[str, Any]], Any]]:
    """Yield what is wrong with each of many wrong bodies, and the body."""
    app = build_app(APPS[service])
    known = {f"{each.method} {each.path}": each for each in operations(service, app.openapi())}
    for route in api_routes(app.routes):
        for method in route.methods or ():
            operation = known.get(f"{method} {route.path}")
            if operation is None or operation.schema is None or route.body_field is None:
                continue
            for _, body in wrong_values(example(operation.schema, operation.schemas), choose_all):
                yield route.body_field.validate(body, loc=("body",))[1], body


@pytest.mark.parametrize("service", APPS)
def test_every_fault_of_a_field_has_a_documented_code_and_words(service: str) -> None:
    found = [
        fault
        for raw, body in faults(service)
        for language in ("en", "id")
        for fault in build_field_problems(raw, language=language, content=body)
    ]

    silent = {
        (each["pointer"], each["code"])
        for each in found
        if each["code"] not in FIELD_TEXTS or each["detail"] in NOT_VALID
    }
    assert len(found) > 100
    assert silent == set()
