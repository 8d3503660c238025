"""Schemas of several documents as one set: names, titles, formats of integers."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]
REFERENCE = "#/components/schemas/"
INT32 = 2**31
VALUES = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords whose values are data and no schemas."""


class NameClash(Exception):
    """Two schemas of different content have one name. Give one of the classes another name."""


def published_name(title: str) -> str:
    """Return the name a client sees: an answer is the noun itself, `Member` for `MemberOut`."""
    return title.removesuffix("Out")


def add_schemas(found: Document, document: Document) -> None:
    """Add the schemas of a document, which has its published names already, to those found.

    Raises: NameClash.
    """
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if found.setdefault(name, schema) != schema:
            raise NameClash(name)


def publish(document: Document) -> Document:
    """Return a copy with published names, without titles that repeat a name, integers sized.

    Raises: NameClash.
    """
    schemas: Document = document.get("components", {}).get("schemas", {})
    names = {key: published_name(schema["title"]) for key, schema in schemas.items()}
    copied: Document = _published(document, names)
    if schemas:
        named: Document = {}
        for key, schema in copied["components"]["schemas"].items():
            if names[key] in named:
                raise NameClash(names[key])
            named[names[key]] = {"title": names[key], **schema}
        copied["components"]["schemas"] = named
    return copied


def _published(node: Any, names: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return _published_object(node, names)
        case list():
            return [_published(each, names) for each in node]
        case _:
            return node


def _published_object(node: Mapping[str, Any], names: Mapping[str, str]) -> Document:
    copied: Document = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str) and "version" not in node:
            continue  # a field's name in other letters; `version` marks the document's own
        if key == "$ref" and value.startswith(REFERENCE):
            copied[key] = REFERENCE + names[value.removeprefix(REFERENCE)]
        else:
            copied[key] = value if key in VALUES else _published(value, names)
    if node.get("type") == "integer" and "format" not in node:
        copied["format"] = _integer_format(node)
    _raise_description(copied)
    return copied


def _raise_description(node: Document) -> None:
    """Move the description of a type that may also be null, or is a parameter's, to the outside.

    A described type says its words inside; clients and readers look for them at the field.
    """
    branches = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
    inner = node.get("schema") if "in" in node else branches[0] if len(branches) == 1 else None
    if isinstance(inner, dict) and "description" in inner:
        described = inner.pop("description")
        node.setdefault("description", described)


def _integer_format(schema: Mapping[str, Any]) -> str:
    """Return int32 where the bounds say that every value fits."""
    least = schema.get("minimum", schema.get("exclusiveMinimum", -INT32 - 1))
    most = schema.get("maximum", schema.get("exclusiveMaximum", INT32))
    return "int32" if least >= -INT32 and most < INT32 else "int64"


def used_schemas(users: Any, schemas: Mapping[str, Any]) -> Document:
    """Return the schemas that are referred to, by name, with those that they refer to."""
    wanted = set(_references(users))
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= set(_references(schemas[name])) - found
    return {name: schemas[name] for name in sorted(found)}


def _references(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for value in node.values():
                yield from _references(value)
        case list():
            for value in node:
                yield from _references(value)
        case str() if node.startswith(REFERENCE):
            yield node.removeprefix(REFERENCE)


def restore_nulls(schemas: Document) -> None:
    """Put required fields that are null back into examples: FastAPI leaves them out."""
    for schema in schemas.values():
        for example in schema.get("examples", ()):
            _restore(example, schema, schemas)


def _restore(value: Any, schema: Document, schemas: Document) -> None:
    references = [schema, *schema.get("anyOf", ())]
    for each in references:
        if "$ref" in each:
            schema = schemas[each["$ref"].removeprefix(REFERENCE)]
    match value:
        case list():
            for one in value:
                _restore(one, schema.get("items", {}), schemas)
        case dict():
            for name in schema.get("required", ()):
                value.setdefault(name, None)
            for name, part in schema.get("properties", {}).items():
                _restore(value.get(name), part, schemas)
