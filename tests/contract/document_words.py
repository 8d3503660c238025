"""What the document of the API leaves unsaid."""

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
MONEY = re.compile(
    r"(^|_)(amount|income|debits|credits|balance|benefit|base|parts)$|^acquisition_fixed$"
)
BASIS_POINTS = re.compile(r"_bps$")
UNITS = ((MONEY, "rupiah"), (BASIS_POINTS, "basis points"))


def resolve(document: Document, schema: Document) -> Document:
    """Return a schema, or the component that it refers to."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Document = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def undescribed_fields(document: Document) -> Iterator[tuple[str, str]]:
    """Yield schema and field where neither the field nor the type it refers to is described."""
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            if not found.get("description") and not resolve(document, found).get("description"):
                yield name, field


def undescribed_parameters(document: Document) -> Iterator[tuple[str, str]]:
    """Yield operation and parameter without a description."""
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if not parameter.get("description"):
                yield operation["operationId"], parameter["name"]


def fields_without_unit(document: Document) -> Iterator[tuple[str, str]]:
    """Yield schema and field of an amount or a rate whose description does not name the unit."""
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            kinds = {each.get("type") for each in (found, *found.get("anyOf", ()))}
            said = found.get("description", "").lower()
            for pattern, unit in UNITS:
                if "integer" in kinds and pattern.search(field) and unit not in said:
                    yield name, field


def operations(document: Document) -> Iterator[Document]:
    """Yield every operation."""
    for item in document["paths"].values():
        yield from item.values()


def examples(document: Document, operation: Document) -> list[Any]:
    """Return the example bodies of an operation; of a union, those of each branch."""
    content = operation["requestBody"]["content"]["application/json"]
    schema = resolve(document, content["schema"])
    branches = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found = [resolve(document, each).get("examples", []) for each in branches]
    return [example for each in found for example in each]
