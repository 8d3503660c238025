"""Build the strings to sign, and sign and verify them with the two algorithms of SNAP BI.

Source: https://apidevportal.aspi-indonesia.or.id/api-services/keamanan
"""

import base64
import binascii
import hmac
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from snap_bi.errors import SignatureMalformed

HMAC_SHA512_BYTES = 64
_HEX = frozenset("0123456789abcdefABCDEF")


class SignatureEncoding(StrEnum):
    BASE64 = "base64"
    HEX = "hex"


def build_token_string_to_sign(*, client_id: str, timestamp: str) -> str:
    """Return the string that a token request signs (service 73)."""
    return f"{client_id}|{timestamp}"


def build_symmetric_string_to_sign(
    *, method: str, endpoint: str, token: str, body_hash: str, timestamp: str
) -> str:
    """Return the five-part string of type 1, with the token exactly as in the header."""
    return f"{method}:{endpoint}:{token}:{body_hash}:{timestamp}"


def build_asymmetric_string_to_sign(
    *, method: str, endpoint: str, body_hash: str, timestamp: str
) -> str:
    """Return the four-part string of type 2: it has no field for a token."""
    return f"{method}:{endpoint}:{body_hash}:{timestamp}"


def sign_symmetric(text: str, secret: str) -> bytes:
    """Return HMAC-SHA512. The secret is used as text, even if it looks like base64."""
    signing = _begin_hmac(secret).copy()
    signing.update(_encode(text))
    return signing.digest()


@lru_cache(maxsize=256)  # a bank has one secret, and a begun HMAC spares a third of the time
def _begin_hmac(secret: str) -> hmac.HMAC:
    return hmac.new(_encode(secret), digestmod="sha512")


def verify_symmetric(text: str, signature: bytes, secret: str) -> bool:
    """Verify HMAC-SHA512 in constant time."""
    return hmac.compare_digest(sign_symmetric(text, secret), signature)


def sign_asymmetric(text: str, key: RSAPrivateKey) -> bytes:
    """Return the RSASSA-PKCS1-v1_5 signature with SHA-256."""
    return key.sign(_encode(text), padding.PKCS1v15(), hashes.SHA256())


def verify_asymmetric(text: str, signature: bytes, key: RSAPublicKey) -> bool:
    """Verify RSASSA-PKCS1-v1_5 with SHA-256."""
    try:
        key.verify(signature, _encode(text), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def encode_signature(signature: bytes, encoding: SignatureEncoding) -> str:
    """Return a signature as text for X-SIGNATURE."""
    if encoding is SignatureEncoding.HEX:
        return signature.hex()
    return base64.b64encode(signature).decode("ascii")


def decode_signature(text: str, *, size: int) -> bytes:
    """Decode a signature of `size` bytes: hex, or base64 with or without padding.

    The length tells which of the two it is.
    Raises: SignatureMalformed for other text, also for base64 with non-zero trailing bits.
    """
    text = text.strip()
    if (signature := _decode_canonical(text, size)) is not None:
        return signature
    if len(text) == 2 * size and _HEX.issuperset(text):
        return bytes.fromhex(text)
    bare = text.rstrip("=")
    try:
        signature = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureMalformed("neither hex nor base64") from error
    if len(signature) != size or base64.b64encode(signature).decode().rstrip("=") != bare:
        raise SignatureMalformed("not the length of this algorithm")
    return signature


def _decode_canonical(text: str, size: int) -> bytes | None:
    """Decode base64 with its padding, which nearly all signatures are; None for other text."""
    if len(text) != (size + 2) // 3 * 4:
        return None
    try:
        signature = binascii.a2b_base64(text)
    except ValueError:
        return None
    is_same = binascii.b2a_base64(signature, newline=False).decode("ascii") == text
    return signature if is_same and len(signature) == size else None


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
