"""The text of `docs/events.md`, generated from the event classes."""

from collections.abc import Iterator
from typing import Any

from perisai_kit.events.catalogue import EVENTS, SettledLine
from perisai_kit.events.envelope import Event

_HEAD = """# Events

Generated from `perisai_kit/events/catalogue/`; edit its files. Every event is a CloudEvent 1.0 in
the `GET /feed` of a service; these tables describe its `data`. Amounts are whole rupiah, months are
written `2026-11`, instants are RFC 3339 with an offset. Readers ignore unknown fields.

A reader asks for the types that it handles: `GET /feed?type=bill.issued.v1,bill.voided.v1`. If
other events follow the last one of an answer, the answer ends with an event of the type
`feed.read.v1`. That is a bookmark: it is stored nowhere, has no data, and its `position` is the
next `lastEventId`.
"""

_FORMATS = {"uuid": "UUID", "date": "date", "date-time": "instant"}


def render_events() -> str:
    """Return the reference of all events, sorted by type."""
    sections = [_HEAD]
    for name, cls in sorted(EVENTS.items()):
        sections.append(_section(f"## {name}", cls))
    sections.append(_section(f"## Part: {SettledLine.__name__}", SettledLine))
    return "\n".join(sections)


def _section(heading: str, cls: type[Any]) -> str:
    lines = [heading, "", " ".join((cls.__doc__ or "").split()), ""]
    if issubclass(cls, Event):
        lines += [f"Subject: `{cls.subject_field}`", ""]
    lines += ["| field | type |", "|---|---|", *_rows(cls)]
    return "\n".join(lines) + "\n"


def _rows(cls: type[Any]) -> Iterator[str]:
    schema = cls.model_json_schema(mode="serialization")
    for name, field in schema["properties"].items():
        yield f"| `{name}` | {_type(field)} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if "rupiah" in schema.get("description", ""):
        return "rupiah"
    if "2026-11" in schema.get("examples", ()):
        return "month"
    return _FORMATS.get(schema.get("format", ""), str(schema["type"]))
