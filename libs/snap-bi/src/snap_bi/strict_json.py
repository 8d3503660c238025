"""JSON that two parsers cannot read differently: one object, each key once."""

import json
from collections.abc import Callable
from typing import NoReturn

from snap_bi.errors import BodyInvalid


def parse_object(body: bytes) -> dict[str, object]:
    """Parse a request body after its signature was verified.

    A byte order mark in front is no part of the message; it was signed with it.
    Raises: BodyInvalid when it is not UTF-8, not JSON, not an object, nested without end, or
    names a key twice: two readers could then see two different amounts.
    """
    try:
        value = _DECODER(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BodyInvalid("not one JSON object") from error
    if not isinstance(value, dict):
        raise BodyInvalid("not an object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyInvalid("a key appears twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise BodyInvalid("NaN and Infinity are not JSON")


_DECODER: Callable[[str], object] = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant
).decode
