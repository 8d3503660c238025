"""The `errors` of a problem: wrong fields and parameters, in two languages, without values."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.domain.field_errors import FIELD_TEXTS, NOT_VALID, find_form_text

MOST_FIELDS = 50
"""The maximum in one answer."""

_ABSENT = ("missing", "union_tag_invalid", "union_tag_not_found")
"""Errors of fields that are not allowed in the body."""
_OUR_LIMITS = ("min_length", "max_length", "gt", "ge", "lt", "le", "pattern")
_CHOICES = ("expected", "expected_tags")
"""The parts of an error's context that may be in its text. Others may contain sent values."""


class BodyRefused(RequestValidationError):
    """A body of a wrong form. others: what the rules refuse of the rest."""

    def __init__(self, error: RequestValidationError, others: Sequence[DomainError]) -> None:
        super().__init__(error.errors(), body=error.body)
        self.others = others


class WrongParameters:
    """The `errors` for wrong query parameters."""

    def __init__(
        self,
        *,
        unknown: Collection[str] = (),
        repeated: Collection[str] = (),
        allowed: Collection[str],
    ) -> None:
        """unknown, repeated: names that were sent. allowed: the names for this address."""
        super().__init__(allowed=sorted(allowed))  # type: ignore[call-arg]  # DomainError's details
        self._unknown = unknown
        self._repeated = repeated
        self._allowed = ", ".join(sorted(allowed))

    def field_problems(self, language: str) -> list[dict[str, Any]]:
        """Return an entry for each parameter."""
        none = "tidak ada" if language == "id" else "none"
        named = [(ParameterUnknown.code, name) for name in self._unknown]
        named += [(ParameterRepeated.code, name) for name in self._repeated]
        return [
            {
                "code": code,
                "detail": _text(code, language, {"choices": self._allowed or none}),
                "parameter": _printable(name),
            }
            for code, name in named[:MOST_FIELDS]
        ]


class ParameterUnknown(WrongParameters, Invalid):
    code = "parameter_unknown"
    text = "This address does not have a query parameter with this name."
    text_id = "Alamat ini tidak memiliki parameter dengan nama tersebut."


class ParameterRepeated(WrongParameters, Invalid):
    code = "parameter_repeated"
    text = "Send each query parameter once."
    text_id = "Kirim setiap parameter satu kali saja."


def build_field_problems(
    raw: Sequence[dict[str, Any]],
    *,
    language: str,
    prefix: Sequence[str | int] = (),
    content: Any = None,
) -> list[dict[str, Any]]:
    """Return pydantic's errors as field problems, one a field, without the values that were sent.

    prefix: what stands before each location, such as `("body", "rows", 3)` for one row.
    content: the body, or the row, that was sent.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    # A nullable field has an error for null too.
    faults = [error for error in raw if error["type"] != "none_required"]
    for error in faults[:MOST_FIELDS]:
        kind, limits = _kind(error), _limits(error)
        where, *path = (*prefix, *_location(error)) or ("body",)
        place = {"parameter": ".".join(_printable(part) for part in path) or str(where)}
        if where == "body":
            after = len(prefix) or 1
            sent = _in_content((*prefix, *_location(error))[after:], kind, content)
            parts = (*prefix[1:], *sent)
            place = {"pointer": "".join(f"/{_escape(part)}" for part in parts)}
        # A union has errors for each branch; the first is the most likely one.
        found.setdefault(
            next(iter(place.items())),
            {"code": kind, "detail": _text(kind, language, limits), **place},
        )
    return list(found.values())


def _kind(error: dict[str, Any]) -> str:
    """Return the code of an error. Pydantic counts the characters of a secret as entries."""
    kind = str(error["type"])
    is_text = isinstance(error.get("input"), str)
    return f"string_{kind}" if kind in ("too_short", "too_long") and is_text else kind


def _location(error: dict[str, Any]) -> tuple[str | int, ...]:
    """Return where an error is; for an unknown branch of a union, its discriminator."""
    location: tuple[str | int, ...] = tuple(error["loc"])
    discriminator = error.get("ctx", {}).get("discriminator")
    return location if discriminator is None else (*location, str(discriminator).strip("'"))


def _limits(error: dict[str, Any]) -> dict[str, str]:
    """Return the limits and choices for the text of an error."""
    context = error.get("ctx", {})
    limits = {name: str(context[name]) for name in _OUR_LIMITS if name in context}
    for name in _CHOICES:
        if name in context:
            expected = str(context[name])
            limits["choices"] = ", ".join(re.findall(r"'([^']*)'", expected)) or expected
    return limits


def _text(code: str, language: str, limits: Mapping[str, str]) -> str:
    texts = FIELD_TEXTS.get(code, NOT_VALID)
    if code == "string_pattern_mismatch" and "pattern" in limits:
        texts = find_form_text(limits["pattern"])
    text = texts.id if language == "id" else texts.en
    try:
        return text.format_map(limits)
    except KeyError:  # an error without the context that its text needs
        return NOT_VALID.id if language == "id" else NOT_VALID.en


def _in_content(path: Sequence[str | int], kind: str, content: Any) -> list[str | int]:
    """Return a location without what names a branch of a union and stands nowhere in the body."""
    place = []
    for number, part in enumerate(path, start=1):
        match content:
            case dict() if part in content and not _is_branch(content, part, path[number:], kind):
                content = content[part]
            case list() if isinstance(part, int) and part < len(content):
                content = content[part]
            case _ if kind in _ABSENT and number == len(path):
                pass
            case _:
                continue
        place.append(part)
    return place


def _is_branch(
    content: Mapping[str | int, Any], part: str | int, rest: Sequence[str | int], kind: str
) -> bool:
    """Return whether a name is that of a branch, though a field of the body has the same name.

    rest: the parts of the location after it. With a discriminator, a branch is named by its value.
    """
    if not rest:
        return False
    inner = content[part]
    if isinstance(inner, dict | list):
        is_tag = any(value == part for value in content.values() if isinstance(value, str))
        is_inside = isinstance(inner, dict) and rest[0] in inner
        return is_tag and rest[0] in content and not is_inside
    return rest[0] in content or (kind in _ABSENT and len(rest) == 1)


def _escape(part: str | int) -> str:
    return _printable(part).replace("~", "~0").replace("/", "~1")


def _printable(part: str | int) -> str:
    # A name from the client may be anything, so it is cut and control characters are dropped.
    return "".join(c for c in str(part)[:100] if c.isprintable())
