"""How documents of one form become one: names that stay apart, schemas that are needed."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_REF = "#/components/schemas/"


def operations(item: Document) -> Iterator[Document]:
    """Return the operations of one path."""
    return (operation for method, operation in item.items() if method in METHODS)


def name_operation(operation: Document, service: str, taken: set[str]) -> None:
    """Give an operation an id that no other has. taken: the ids of all; takes this one in."""
    name = operation.get("operationId")
    if name is None:
        return
    if name in taken:
        name = operation["operationId"] = f"{service.replace('-', '_')}_{name}"
    taken.add(name)


def with_own_names(document: Document, service: str, others: Document) -> Document:
    """Return a copy in which no schema has a name that means something else elsewhere."""
    schemas = document.get("components", {}).get("schemas", {})
    prefix = "".join(word.capitalize() for word in service.removesuffix("-service").split("-"))
    renamed = {name: f"{prefix}{name}" for name in _taken_otherwise(schemas, others)}
    copied: Document = _renamed(copy.deepcopy(document), renamed)
    if renamed:
        copied["components"]["schemas"] = {
            renamed.get(name, name): schema
            for name, schema in copied["components"]["schemas"].items()
        }
    return copied


def _taken_otherwise(schemas: Document, others: Document) -> set[str]:
    """Return the names that mean something else elsewhere, by their own words or by a part's."""
    common = schemas.keys() & others.keys()
    found = {name for name in common if others[name] != schemas[name]}
    while users := {
        name for name in common - found if not found.isdisjoint(_references(schemas[name]))
    }:
        found |= users
    return found


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _renamed(value, names) for key, value in node.items()}
        case list():
            return [_renamed(value, names) for value in node]
        case str() if node.startswith(_REF):
            name = node.removeprefix(_REF)
            return _REF + names.get(name, name)
        case _:
            return node


def used_schemas(users: list[Document], schemas: Document) -> Document:
    """Return the schemas that these need, and those need."""
    wanted = set(_references(users))
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= set(_references(schemas.get(name, {}))) - found
    return {name: schemas[name] for name in sorted(found) if name in schemas}


def _references(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for value in node.values():
                yield from _references(value)
        case list():
            for value in node:
                yield from _references(value)
        case str() if node.startswith(_REF):
            yield node.removeprefix(_REF)
