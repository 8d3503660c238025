"""Parse JSON that every parser reads in the same way: one object, each key once."""

import json
from collections.abc import Callable
from typing import NoReturn

from snap_bi.errors import BodyInvalid


def parse_object(body: bytes) -> dict[str, object]:
    """Parse a request body whose signature was verified.

    A leading byte order mark is signed with the body and ignored here.
    Raises: BodyInvalid when it is not UTF-8, not JSON, not an object, nested too deeply, or repeats
    a key: two parsers could then see two different amounts.
    """
    try:
        value = _DECODER(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BodyInvalid("not one JSON object") from error
    if not isinstance(value, dict):
        raise BodyInvalid("not an object")
    return value


def _reject_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyInvalid("a key appears twice")
    return found


def _reject_constant(_: str) -> NoReturn:
    raise BodyInvalid("NaN and Infinity are not JSON")


_DECODER: Callable[[str], object] = json.JSONDecoder(
    object_pairs_hook=_reject_repeated_keys, parse_constant=_reject_constant
).decode
