"""Minify the raw bytes of a body lexically, for its signature.

Parsing and re-serialising would change numbers, escapes and duplicate keys, so nothing is parsed:
whitespace outside JSON strings is removed and all other bytes stay.
Source: https://apidevportal.aspi-indonesia.or.id/api-services/keamanan and BCA's documentation.
"""

import hashlib
import re

_WHITESPACE = b" \t\r\n"
# A string (an unterminated one runs to the end), or a run without quotes and whitespace.
_KEPT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^ \t\r\n"]++', re.DOTALL)


def minify(body: bytes) -> bytes:
    """Return `body` without the whitespace outside JSON strings."""
    if b"\\" in body:
        return b"".join(_KEPT.findall(body))
    # Without escapes every quote opens or closes a string, so every second piece is outside.
    pieces = body.split(b'"')
    outside = b'"'.join(pieces[::2])
    pieces[::2] = outside.translate(None, _WHITESPACE).split(b'"')
    return b'"'.join(pieces)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def hash_body(body: bytes) -> str:
    """Return the SHA-256 of the minified body in lower-case hex; no body counts as empty text."""
    return sha256_hex(minify(body))
