import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given
from hypothesis import strategies as st

from snap_bi.errors import SignatureMalformed
from snap_bi.signing import (
    SignatureEncoding,
    build_asymmetric_string_to_sign,
    build_symmetric_string_to_sign,
    build_token_string_to_sign,
    decode_signature,
    encode_signature,
    sign_asymmetric,
    sign_symmetric,
    verify_asymmetric,
    verify_symmetric,
)


def test_asymmetric_string_has_four_parts_and_no_doubled_colon() -> None:
    text = build_asymmetric_string_to_sign(
        method="POST", endpoint="/p", body_hash="ab", timestamp="t"
    )

    assert text == "POST:/p:ab:t"


def test_token_keeps_its_letter_case_in_the_string() -> None:
    text = build_symmetric_string_to_sign(
        method="POST", endpoint="/p", token="AbC", body_hash="ab", timestamp="t"
    )

    assert text == "POST:/p:AbC:ab:t"


def test_token_string_joins_client_and_timestamp_with_a_bar() -> None:
    assert build_token_string_to_sign(client_id="c", timestamp="t") == "c|t"


def test_secret_is_text_even_when_it_looks_like_base64() -> None:
    secret = base64.b64encode(b"secret").decode()

    assert sign_symmetric("text", secret) != sign_symmetric("text", "secret")


@given(st.binary(min_size=64, max_size=64), st.sampled_from(SignatureEncoding))
def test_a_signature_is_read_in_the_shape_it_was_written(
    signature: bytes, encoding: SignatureEncoding
) -> None:
    assert decode_signature(encode_signature(signature, encoding), size=64) == signature


@given(st.binary(min_size=64, max_size=64))
def test_padding_may_be_missing_and_hex_may_be_upper_case(signature: bytes) -> None:
    bare = base64.b64encode(signature).decode().rstrip("=")

    assert decode_signature(bare, size=64) == signature
    assert decode_signature(signature.hex().upper(), size=64) == signature


@given(st.text())
def test_anything_else_is_malformed_or_has_the_right_size(text: str) -> None:
    with suppress(SignatureMalformed):
        assert len(decode_signature(text, size=64)) == 64


def test_base64_in_lower_case_is_another_signature() -> None:
    signature = sign_symmetric("text", "secret")
    lowered = base64.b64encode(signature).decode().lower()

    with pytest.raises(SignatureMalformed):
        # The last character of 64 bytes carries four unused bits: lowered, they are not zero.
        decode_signature(lowered[:-3] + "b==", size=64)
    assert decode_signature(signature.hex(), size=64) == signature


@given(st.text(), st.text(min_size=1), st.integers(0, 63), st.integers(1, 255))
def test_one_changed_byte_of_a_signature_is_rejected(
    text: str, secret: str, place: int, change: int
) -> None:
    signature = bytearray(sign_symmetric(text, secret))
    assert verify_symmetric(text, bytes(signature), secret)

    signature[place] ^= change

    assert not verify_symmetric(text, bytes(signature), secret)


def test_asymmetric_signature_binds_the_text(private_key: RSAPrivateKey) -> None:
    signature = sign_asymmetric("text", private_key)

    assert verify_asymmetric("text", signature, private_key.public_key())
    assert not verify_asymmetric("texT", signature, private_key.public_key())
    assert not verify_asymmetric("text", bytes(256), private_key.public_key())
