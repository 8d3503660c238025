"""Verify the signatures of banks over the received bytes.

Several forms of the body are tried in order: minified, raw, and the legacy forms that the profile
names. Each form is derived from the received bytes, so the signature still binds them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from enum import StrEnum
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from snap_bi.endpoints import build_endpoint_url
from snap_bi.errors import SignatureMalformed
from snap_bi.minify import minify, sha256_hex
from snap_bi.profiles import LegacySerialisation, Profile
from snap_bi.records import record
from snap_bi.signing import (
    HMAC_SHA512_BYTES,
    build_asymmetric_string_to_sign,
    build_symmetric_string_to_sign,
    build_token_string_to_sign,
    decode_signature,
    verify_asymmetric,
    verify_symmetric,
)

_WHITESPACE = re.compile(rb"[ \t\r\n]+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


class Step(StrEnum):
    """The form of the body that the signature matches; useful as a log field."""

    LEXICAL_MINIFY = "lexical_minify"
    RAW_BODY = "raw_body"
    PHP_ESCAPED_SLASH = "php_escaped_slash"
    ASCII_ESCAPED = "ascii_escaped"
    STRIP_ALL_WHITESPACE = "strip_all_whitespace"
    NO_BODY = "no_body"  # the token request, whose string has none


@record
class Verdict:
    """The outcome of a verification.

    build_text: returns `string_to_sign`, which is needed for few messages.
    """

    step: Step | None
    build_text: Callable[[], str] = field(repr=False, compare=False)

    @property
    def is_accepted(self) -> bool:
        return self.step is not None

    @property
    def string_to_sign(self) -> str:
        """The expected string, for diagnostics; a digest replaces the token."""
        return self.build_text()


@record(kw_only=True)
class SignedParts:
    """The parts of a request that are signed, exactly as received."""

    method: str
    target: str
    body: bytes
    timestamp: str
    signature: str
    token: str = ""


def verify_token_request(
    *, client_id: str, timestamp: str, signature: str, public_key: RSAPublicKey
) -> Verdict:
    """Verify a token request (service 73)."""
    text = build_token_string_to_sign(client_id=client_id, timestamp=timestamp)
    decoded = _decode(signature, size=public_key.key_size // 8)
    matches = decoded is not None and verify_asymmetric(text, decoded, public_key)
    return Verdict(Step.NO_BODY if matches else None, lambda: text)


def verify_symmetric_request(profile: Profile, parts: SignedParts, *, secret: str) -> Verdict:
    """Verify a type 1 request: HMAC-SHA512 with the secret and the token that we issued.

    Raises: ValueError for an empty secret, with which anybody could sign.
    """
    if not secret:
        raise ValueError("a symmetric signature needs a secret")
    endpoint = build_endpoint_url(parts.target, profile.query_rule)

    def text(body_hash: str, token: str) -> str:
        return build_symmetric_string_to_sign(
            method=parts.method,
            endpoint=endpoint,
            token=token,
            body_hash=body_hash,
            timestamp=parts.timestamp,
        )

    matched = None
    minified = minify(parts.body)
    minified_hash = sha256_hex(minified)
    if (decoded := _decode(parts.signature, size=HMAC_SHA512_BYTES)) is not None:
        for step, body_hash in _list_forms(parts.body, minified, minified_hash, profile):
            if verify_symmetric(text(body_hash, parts.token), decoded, secret):
                matched = step
                break
    return Verdict(matched, lambda: text(minified_hash, mask_token(parts.token)))


def verify_asymmetric_request(
    profile: Profile, parts: SignedParts, *, public_key: RSAPublicKey
) -> Verdict:
    """Verify a type 2 request: SHA256withRSA with the public key of the bank, without a token."""
    endpoint = build_endpoint_url(parts.target, profile.query_rule)

    def text(body_hash: str) -> str:
        return build_asymmetric_string_to_sign(
            method=parts.method,
            endpoint=endpoint,
            body_hash=body_hash,
            timestamp=parts.timestamp,
        )

    matched = None
    minified = minify(parts.body)
    minified_hash = sha256_hex(minified)
    if (decoded := _decode(parts.signature, size=public_key.key_size // 8)) is not None:
        for step, body_hash in _list_forms(parts.body, minified, minified_hash, profile):
            if verify_asymmetric(text(body_hash), decoded, public_key):
                matched = step
                break
    return Verdict(matched, lambda: text(minified_hash))


def parse_bearer_token(authorization: str | None) -> str | None:
    """Return the token of an Authorization header; some banks omit `Bearer `."""
    if authorization is None:
        return None
    scheme, _, rest = authorization.strip().partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
    return token or None


def mask_token(token: str) -> str:
    """Return a placeholder for diagnostics: the start of the token's SHA-256."""
    return mask_token_digest(sha256_hex(token.encode("utf-8", "surrogatepass")))


def mask_token_digest(digest: str) -> str:
    """Return the placeholder of a token from its SHA-256 in hex."""
    return f"<token sha256:{digest[:12]}>"


def _decode(signature: str, *, size: int) -> bytes | None:
    try:
        return decode_signature(signature, size=size)
    except SignatureMalformed:
        return None


def _list_forms(
    body: bytes, minified: bytes, minified_hash: str, profile: Profile
) -> Iterator[tuple[Step, str]]:
    yield Step.LEXICAL_MINIFY, minified_hash
    if minified != body:
        yield Step.RAW_BODY, sha256_hex(body)
    for legacy in profile.legacy_serialisations:
        rewritten = _rewrite(minified, legacy)
        if rewritten is not None:
            yield Step(legacy.value), sha256_hex(rewritten)


def _rewrite(minified: bytes, legacy: LegacySerialisation) -> bytes | None:
    # Only strings are re-serialised; numbers and key order stay as received.
    match legacy:
        case LegacySerialisation.STRIP_ALL_WHITESPACE:
            return _WHITESPACE.sub(b"", minified)
        case LegacySerialisation.ASCII_ESCAPED:
            return _rewrite_strings(minified, slash=b"/")
        case LegacySerialisation.PHP_ESCAPED_SLASH:
            return _rewrite_strings(minified, slash=rb"\/")
        case _:
            assert_never(legacy)


def _rewrite_strings(minified: bytes, *, slash: bytes) -> bytes | None:
    def rewrite(found: re.Match[bytes]) -> bytes:
        text = json.dumps(json.loads(found[0], strict=False), ensure_ascii=True)
        return text.encode("ascii").replace(b"/", slash)

    try:
        return _STRING.sub(rewrite, minified)
    except ValueError:
        return None
