"""Parse JSON that every parser reads in the same way: one object, each key once."""

import codecs
from json import JSONDecoder
from json.scanner import make_scanner
from typing import NoReturn

from snap_bi.errors import BodyInvalid


def parse_object(body: bytes) -> dict[str, object]:
    """Parse a request body whose signature was verified.

    A leading byte order mark is signed with the body and ignored here.
    Raises: BodyInvalid when it is not UTF-8, not JSON, not an object, nested too deeply, or repeats
    a key: two parsers could then see two different amounts.
    """
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode().strip(_WHITESPACE)
        value, end = _SCAN(text, 0)
    except (ValueError, RecursionError, StopIteration) as error:
        raise BodyInvalid("not one JSON object") from error
    if end < len(text):
        raise BodyInvalid("more than one JSON value")
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


_WHITESPACE = " \t\n\r"
# What a decoder calls after it has looked for whitespace with two patterns.
_SCAN = make_scanner(
    JSONDecoder(  # type: ignore[arg-type]  # typeshed names another class
        object_pairs_hook=_reject_repeated_keys, parse_constant=_reject_constant
    )
)
