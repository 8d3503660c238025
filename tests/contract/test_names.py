"""One word for one thing: an object has a `status`, in its fields and in the filters of a list."""

from collections.abc import Iterator
from typing import Any

from stage.fixtures import documents_of_services

import gateway.app
from sandbox.openapi.describe import describe
from sandbox.openapi.platform import build_app


def users_of(name: str, document: dict[str, Any]) -> Iterator[str]:
    """Yield the schemas with a field of this name, and the operations with such a parameter."""
    for title, schema in document["components"]["schemas"].items():
        if name in schema.get("properties", {}):
            yield title
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if name in {each["name"] for each in operation.get("parameters", ())}:
                yield f"{method} {path}"


def test_nothing_is_called_state() -> None:
    documents = {**documents_of_services(), "gateway": describe(build_app(gateway.app))}

    found = [
        f"{service}: {user}"
        for service, document in documents.items()
        for user in users_of("state", document)
    ]

    assert not found
