"""The string to sign that an engineer sees is the one that a valid signature is made of."""

import json

import pytest

from payment_service.bank_calls.rules import string_to_sign
from snap_bi.minify import sha256_hex
from snap_bi.profiles import PROFILES, Profile
from snap_bi.verification import SignedParts, mask_token, verify_symmetric_request

BODY = json.dumps({"virtualAccountName": "Siti  Aminah", "a": [1, 2]}, indent=2).encode()
AT = "2026-11-08T10:15:00.000+07:00"


@pytest.mark.parametrize("target", ["/snap/v1.0/transfer-va/payment", "/a?b=2&a=%20"])
@pytest.mark.parametrize(
    "profile", [each for each in PROFILES.values() if each.needs_token], ids=lambda one: one.name
)
def test_it_is_what_the_verifier_expects(profile: Profile, target: str) -> None:
    parts = SignedParts(
        method="POST", target=target, body=BODY, timestamp=AT, signature="", token="a token"
    )

    shown = string_to_sign(
        profile, target=target, body=BODY, timestamp=AT, token_digest=sha256_hex(b"a token")
    )

    assert shown == verify_symmetric_request(profile, parts, secret="s").string_to_sign
    assert mask_token("a token") in shown


def test_an_asymmetric_string_has_no_place_for_a_token() -> None:
    shown = string_to_sign(
        PROFILES["generic-rsa"], target="/a", body=b"{ }", timestamp=AT, token_digest=""
    )

    assert shown == f"POST:/a:{sha256_hex(b'{}')}:{AT}"
