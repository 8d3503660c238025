"""Read RSA keys in the forms of banks: PEM, one line, literal \\n, PKCS#1, PKCS#8, certificate."""

import base64
import binascii
import re
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from snap_bi.errors import KeyRefused

# NIST SP 800-131A. Some banks still use 1024-bit keys; those need allow_short.
MIN_KEY_BITS = 2048

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


@lru_cache(maxsize=64)  # to prove that its numbers belong together takes 50 ms a key
def load_private_key(text: str | bytes, *, allow_short: bool = False) -> RSAPrivateKey:
    """Read an unencrypted RSA private key.

    Raises: KeyRefused when it is not readable, not RSA, or shorter than 2048 bits.
    """
    _, der = _decode_pem(text)
    try:
        key = serialization.load_der_private_key(der, password=None)
    except (ValueError, TypeError) as error:
        raise KeyRefused("not a readable private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise KeyRefused("not an RSA key")
    _check_length(key.key_size, allow_short=allow_short)
    return key


def load_public_key(text: str | bytes, *, allow_short: bool = False) -> RSAPublicKey:
    """Read an RSA public key, or the public key of a certificate.

    Raises: KeyRefused when it is not readable, not RSA, or shorter than 2048 bits.
    """
    label, der = _decode_pem(text)
    key: object
    try:
        if label == "CERTIFICATE":
            key = x509.load_der_x509_certificate(der).public_key()
        else:
            key = serialization.load_der_public_key(der)
    except (ValueError, TypeError) as error:
        raise KeyRefused("not a readable public key") from error
    if not isinstance(key, RSAPublicKey):
        raise KeyRefused("not an RSA key")
    _check_length(key.key_size, allow_short=allow_short)
    return key


def _check_length(bits: int, *, allow_short: bool) -> None:
    if bits < MIN_KEY_BITS and not allow_short:
        raise KeyRefused(f"an RSA key of {bits} bits; at least {MIN_KEY_BITS} are needed")


def _decode_pem(text: str | bytes) -> tuple[str, bytes]:
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    text = text.replace("\\r", "").replace("\\n", "\n").strip().strip("\"'")
    found = _PEM.search(text)
    label, body = found.groups() if found else ("", text)
    if "ENCRYPTED" in label or "Proc-Type" in body:
        raise KeyRefused("an encrypted key; decrypt it first")
    try:
        return label, base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyRefused("not base64") from error
