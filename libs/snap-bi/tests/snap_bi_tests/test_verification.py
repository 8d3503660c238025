"""The accepted forms of a body, and mistakes seen in other implementations."""

import hashlib
import json
from dataclasses import replace
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given
from hypothesis import strategies as st

from snap_bi.minify import minify
from snap_bi.outgoing import Sender, sign_transaction
from snap_bi.profiles import (
    BCA,
    BRI,
    GENERIC_HMAC,
    GENERIC_RSA,
    LegacySerialisation,
    Profile,
    QueryRule,
)
from snap_bi.signing import SignatureEncoding, encode_signature, sign_symmetric
from snap_bi.verification import (
    SignedParts,
    Step,
    Verdict,
    parse_bearer_token,
    verify_asymmetric_request,
    verify_symmetric_request,
)

SECRET = "a secret of the test"
TARGET = "/snap/v1.0/transfer-va/payment"
TIMESTAMP = "2026-10-08T10:00:00+07:00"
BODY = b'{ "name" : "A  B", "n": 1.50, "u": "https://a.b/\xc3\xa9" }\r\n'
SENDER = Sender(client_id="c", partner_id="12345", channel_id="95231", secret=SECRET)


def sign(
    over: bytes, *, body: bytes = BODY, token: str = "TokEn", encoding: str = "base64"
) -> SignedParts:
    """Return a request whose sender hashed `over` but sent `body`."""
    digest = hashlib.sha256(over).hexdigest()
    text = f"POST:{TARGET}:{token}:{digest}:{TIMESTAMP}"
    signature = encode_signature(sign_symmetric(text, SECRET), SignatureEncoding(encoding))
    return SignedParts(
        method="POST",
        target=TARGET,
        body=body,
        timestamp=TIMESTAMP,
        signature=signature,
        token=token,
    )


def verify(parts: SignedParts, profile: Profile = GENERIC_HMAC) -> Verdict:
    return verify_symmetric_request(profile, parts, secret=SECRET)


def build_tolerant_profile(*legacy: LegacySerialisation) -> Profile:
    return replace(GENERIC_HMAC, legacy_serialisations=legacy)


def test_minified_body_is_the_first_step() -> None:
    assert verify(sign(minify(BODY))).step is Step.LEXICAL_MINIFY


def test_sender_that_forgot_to_minify_is_accepted_by_the_raw_body() -> None:
    assert verify(sign(BODY)).step is Step.RAW_BODY


def test_hex_signature_is_accepted_too() -> None:
    assert verify(sign(minify(BODY), encoding="hex")).is_accepted


def test_parsed_and_dumped_body_is_rejected() -> None:
    dumped = json.dumps(json.loads(BODY), separators=(",", ":")).encode()

    assert not verify(sign(dumped)).is_accepted


LEGACY = [
    (
        LegacySerialisation.STRIP_ALL_WHITESPACE,
        b'{"name":"AB","n":1.50,"u":"https://a.b/\xc3\xa9"}',
    ),
    (
        LegacySerialisation.ASCII_ESCAPED,
        rb'{"name":"A  B","n":1.50,"u":"https://a.b/\u00e9"}',
    ),
    (
        LegacySerialisation.PHP_ESCAPED_SLASH,
        rb'{"name":"A  B","n":1.50,"u":"https:\/\/a.b\/\u00e9"}',
    ),
]


@pytest.mark.parametrize(("legacy", "over"), LEGACY)
def test_legacy_form_is_accepted_only_where_the_profile_names_it(
    legacy: LegacySerialisation, over: bytes
) -> None:
    assert not verify(sign(over)).is_accepted
    assert verify(sign(over), build_tolerant_profile(legacy)).step is Step(legacy.value)


@pytest.mark.parametrize("legacy", LegacySerialisation)
@pytest.mark.parametrize("body", [b'{"a":"\xff', b'"\\u12"', b'"\\x"', b"", b"\xff\xfe"])
def test_legacy_form_of_a_broken_body_is_rejected_without_a_crash(
    legacy: LegacySerialisation, body: bytes
) -> None:
    assert not verify(sign(b"other", body=body), build_tolerant_profile(legacy)).is_accepted


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": "/openapi/v1.0/transfer-va/payment"},
        {"target": TARGET + "/"},
        {"target": TARGET + "?a=1"},
        {"body": BODY.replace(b"1.50", b"1.51")},
        {"body": BODY.replace(b"A  B", b"A B")},
        {"body": BODY.replace(b"1.50", b"1.5")},
        {"body": b""},
        {"timestamp": "2026-10-08T10:00:00.000+07:00"},
        {"timestamp": "2026-10-08T03:00:00Z"},
        {"token": "token"},
        {"token": ""},
        {"signature": ""},
        {"signature": "garbage"},
        {"signature": "0" * 128},
    ],
)
def test_any_changed_part_is_rejected(change: dict[str, str | bytes]) -> None:
    parts = replace(sign(minify(BODY)), **change)  # type: ignore[arg-type]  # mixed by design

    assert not verify(
        parts, build_tolerant_profile(LegacySerialisation.PHP_ESCAPED_SLASH)
    ).is_accepted


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_any_changed_byte_that_is_not_layout_is_rejected(
    body: bytes, place: int, change: int
) -> None:
    sent = minify(body + b"{}")
    tampered = bytearray(body + b"{}")
    tampered[place % len(tampered)] ^= change

    accepted = verify(sign(sent, body=bytes(tampered))).is_accepted

    assert accepted == (minify(bytes(tampered)) == sent)


def test_lower_cased_body_hash_is_required() -> None:
    digest = hashlib.sha256(minify(BODY)).hexdigest().upper()
    signature = sign_symmetric(f"POST:{TARGET}:TokEn:{digest}:{TIMESTAMP}", SECRET)
    parts = replace(
        sign(minify(BODY)), signature=encode_signature(signature, SignatureEncoding.HEX)
    )

    assert not verify(parts).is_accepted


def test_empty_secret_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="secret"):
        verify_symmetric_request(GENERIC_HMAC, sign(b""), secret="")


def test_diagnostic_string_never_shows_the_token() -> None:
    verdict = verify(sign(b"other", token="very-secret-token"))

    assert "very-secret-token" not in verdict.string_to_sign
    assert verdict.string_to_sign.startswith(f"POST:{TARGET}:<token sha256:")


@pytest.mark.parametrize(
    ("rule", "target", "endpoint"),
    [
        (QueryRule.AS_SENT, "/p?b=2&a=1", "/p?b=2&a=1"),
        (QueryRule.DROPPED, "/p?b=2&a=1", "/p"),
        (QueryRule.SORTED, "/p?b=2&a=1&a=0", "/p?a=0&a=1&b=2"),
        (QueryRule.SORTED, "/p?a=x+y,z", "/p?a=x%20y%2Cz"),
        (QueryRule.SORTED, "/p", "/p"),
    ],
)
def test_query_is_signed_by_the_rule_of_the_bank(
    rule: QueryRule, target: str, endpoint: str
) -> None:
    verdict = verify(replace(sign(b""), target=target), replace(GENERIC_HMAC, query_rule=rule))

    assert verdict.string_to_sign.startswith(f"POST:{endpoint}:<token")


@pytest.mark.parametrize("profile", [GENERIC_HMAC, BCA, BRI])
def test_what_we_sign_we_also_accept(profile: Profile, now: datetime) -> None:
    request = sign_transaction(
        profile, SENDER, target=TARGET, body=BODY, at=now, external_id="1", token="t"
    )
    parts = SignedParts(
        method="POST",
        target=TARGET,
        body=BODY,
        timestamp=request.headers["X-TIMESTAMP"],
        signature=request.headers["X-SIGNATURE"],
        token="t",
    )

    verdict = verify_symmetric_request(profile, parts, secret=SECRET)

    assert verdict.step is Step.LEXICAL_MINIFY
    assert verdict.string_to_sign == request.string_to_sign
    assert request.headers["Authorization"] == "Bearer t"


def test_asymmetric_request_needs_the_right_key(private_key: RSAPrivateKey, now: datetime) -> None:
    sender = replace(SENDER, private_key=private_key)
    request = sign_transaction(
        GENERIC_RSA, sender, target=TARGET, body=BODY, at=now, external_id="1"
    )
    parts = SignedParts(
        method="POST",
        target=TARGET,
        body=BODY,
        timestamp=request.timestamp,
        signature=request.headers["X-SIGNATURE"],
    )
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()

    good = verify_asymmetric_request(GENERIC_RSA, parts, public_key=private_key.public_key())
    bad = verify_asymmetric_request(GENERIC_RSA, parts, public_key=other_key)

    assert good.step is Step.LEXICAL_MINIFY
    assert "Authorization" not in request.headers
    assert good.string_to_sign.count(":") == request.string_to_sign.count(":")
    assert not bad.is_accepted


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer AbC", "AbC"),
        ("bearer AbC", "AbC"),
        ("AbC", "AbC"),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_token_is_the_header_text_after_bearer(header: str | None, token: str | None) -> None:
    assert parse_bearer_token(header) == token
