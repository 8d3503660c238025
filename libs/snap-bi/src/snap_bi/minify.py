"""Lexical minify over the raw bytes: the part of the signature that most implementations break.

Parsing and writing again changes numbers, escapes and duplicate keys, so nothing is parsed here:
space, tab, line feed and carriage return outside JSON strings are dropped, all else stays.
Source: https://apidevportal.aspi-indonesia.or.id/api-services/keamanan and BCA's documentation.
"""

import hashlib
import re

_WHITESPACE = b" \t\r\n"
# A string (an unfinished one runs to the end), or a run of anything but quotes and whitespace.
_KEPT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^ \t\r\n"]++', re.DOTALL)


def minify(body: bytes) -> bytes:
    """Return `body` without the whitespace that lies outside JSON strings."""
    if b"\\" in body:
        return b"".join(_KEPT.findall(body))
    # Without escapes every quote opens or closes a string: each second piece lies outside.
    pieces = body.split(b'"')
    outside = b'"'.join(pieces[::2])
    pieces[::2] = outside.translate(None, _WHITESPACE).split(b'"')
    return b'"'.join(pieces)


def sha256_hex(data: bytes) -> str:
    """Return the lower-case hex SHA-256 of `data` as it is."""
    return hashlib.sha256(data).hexdigest()


def hash_body(body: bytes) -> str:
    """Return the lower-case hex SHA-256 of the minified body; no body hashes as empty."""
    return sha256_hex(minify(body))
