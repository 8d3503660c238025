"""Requests that are wrong in one place each, made from an OpenAPI document."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from zlib import crc32

Value = TypeVar("Value")
UUID = "0190a000-0000-7000-8000-000000000001"
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    10**400,
    1.5,
    "",
    "a\x00b",
    "x" * 20_000,
    "2026-02-30",
    "'; DROP TABLE members; --",
    "\u202e\U0010ffff",
    ["\x00"],
    {"\x00": "\x00"},
)
WRONG_INSIDE: tuple[Any, ...] = (None, 2**63, "a\x00b", [], {})
"""For the fields of a body's parts."""
WRONG_TEXT = ("%00", "a%00b", "x" * 3000, "-1", "99999999999999999999999", "%F0%9F%92%A3", "%FF")
WRONG_BODIES: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"{",
    b"\xff\xfe{}",
    b'{"\\u0000": 1}',
    b'{"a": "\\ud800"}',
    b"[" * 50_000,
    b'{"a":' * 20_000,
    b"9" * 5_000,
    b'{"a": NaN}',
)
FEW = 3
"""So many values a place meets in a short run; together the places meet all of them."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, with what its document says of it."""

    service: str
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    schema: dict[str, Any] | None
    schemas: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Mutation:
    """A request that is wrong in one place; `where` names the place."""

    where: str
    path: str
    query: str = ""
    json: Any = None
    content: bytes | None = None


def operations(service: str, document: dict[str, Any]) -> Iterator[Operation]:
    """List what a document offers."""
    schemas = document.get("components", {}).get("schemas", {})
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            media = content.get("application/json", {})
            yield Operation(
                service,
                method.upper(),
                path,
                tuple(operation.get("parameters", ())),
                media.get("schema"),
                schemas,
            )


Choose = Callable[[str, Sequence[Any]], Sequence[Any]]
"""Chooses from the wrong values for a place."""


def choose_all(_: str, values: Sequence[Value]) -> Sequence[Value]:
    """Return them all."""
    return values


def choose_few(place: str, values: Sequence[Value]) -> Sequence[Value]:
    """Return FEW of them that depend on the place alone."""
    start = crc32(place.encode()) % len(values)
    return [*values[start:], *values[:start]][:FEW]


def mutations(operation: Operation, choose: Choose) -> Iterator[Mutation]:
    """List wrong requests for an operation: in its path, its query and each field of its body."""
    choose = partial(_choose_for, operation, choose)
    good_path = path_of(operation)
    body = example(operation.schema, operation.schemas) if operation.schema else None
    for name in named(operation, "path"):
        for text in choose(f"path {name}", WRONG_TEXT):
            yield Mutation(f"path {name}", path_of(operation, {name: text}), json=body)
    for name in named(operation, "query"):
        for text in choose(f"query {name}", WRONG_TEXT):
            query = query_of(operation, {name: text})
            yield Mutation(f"query {name}", good_path, query=query, json=body)
    if operation.schema is None:
        return
    for raw in choose("body", WRONG_BODIES):
        yield Mutation("body", good_path, content=raw)
    for where, wrong in wrong_values(body, choose):
        yield Mutation(where, good_path, json=wrong)


def query_of(operation: Operation, given: dict[str, str]) -> str:
    """Return a query with the given texts, and an example of each other parameter it needs."""
    needed = {
        each["name"]: example_text(each)
        for each in operation.parameters
        if each["in"] == "query" and each.get("required")
    }
    return "&".join(f"{name}={text}" for name, text in {**needed, **given}.items())


def example_text(parameter: dict[str, Any]) -> str:
    """Return a good value of a parameter, as text."""
    schema = parameter["schema"]
    chosen = parameter.get("examples") or schema.get("examples") or schema.get("enum")
    if isinstance(chosen, dict):
        chosen = [each["value"] for each in chosen.values()]
    return str(chosen[0]) if chosen else UUID


def is_free_text(parameter: dict[str, Any]) -> bool:
    """Tell whether any text fits the schema of a parameter."""
    schema = parameter["schema"]
    return any(
        each.get("type") == "string" and not {"pattern", "format", "enum", "const"} & each.keys()
        for each in schema.get("anyOf", [schema])
    )


def _choose_for(
    operation: Operation, choose: Choose, place: str, values: Sequence[Any]
) -> Sequence[Any]:
    return choose(f"{operation} {place}", values)


def named(operation: Operation, place: str) -> list[str]:
    return [each["name"] for each in operation.parameters if each["in"] == place]


def path_of(operation: Operation, values: dict[str, str] | None = None) -> str:
    path = operation.path
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            usual = UUID if parameter["schema"].get("format") == "uuid" else "BWI"
            value = (values or {}).get(parameter["name"], usual)
            path = path.replace("{" + parameter["name"] + "}", value)
    return path


def wrong_values(body: Any, choose: Choose, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List copies of a body, each with one field replaced, left out or added."""
    if not isinstance(body, dict):
        return
    yield f"{prefix}/surprise", {**body, "surprise": 1}
    for name, value in body.items():
        yield f"{prefix}/{name}", {key: each for key, each in body.items() if key != name}
        for wrong in choose(f"{prefix}/{name}", WRONG_INSIDE if prefix else WRONG):
            yield f"{prefix}/{name}", {**body, name: wrong}
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and prefix.count("/") < 2:
            for where, changed in wrong_values(inner, choose, f"{prefix}/{name}"):
                yield where, {**body, name: [changed] if isinstance(value, list) else changed}


def example(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """Return a body that looks like the schema; it need not be accepted."""
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example(schema[choice][0], schemas, depth)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "const" in schema:
        return schema["const"]
    return _typed(schema, schemas, depth)


def _typed(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "object" if depth < 5:
            properties = schema.get("properties", {})
            return {name: example(each, schemas, depth + 1) for name, each in properties.items()}
        case "array" if depth < 5:
            return [example(schema.get("items", {}), schemas, depth + 1)]
        case "integer" | "number":
            return max(1, int(schema.get("minimum", 1)))
        case "boolean":
            return True
        case "string":
            return _text(schema)
    return None


def _text(schema: dict[str, Any]) -> str:
    formats = {
        "uuid": UUID,
        "date": "2026-11-01",
        "date-time": "2026-11-01T00:00:00+07:00",
        "email": "somebody@example.test",
    }
    length = max(1, min(int(schema.get("minLength", 3)), 40))
    return formats.get(str(schema.get("format", "")), "x" * length)
