"""The keys that encrypt personal data, and the keyed hashes for look-ups.

The first data key of the key ring encrypts, all data keys decrypt. A random nonce is safe for about
four thousand million values per key; rotate long before. The look-up key cannot be rotated in
place, because every stored hash depends on it.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perisai_kit.runtime.settings import ServiceSettings, SettingsRefused

VERSION = 2
KEY_BYTES = 32
NONCE_BYTES = 12

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeyringInvalid(ValueError):
    """Raised if the configured keys are invalid; the text contains no key."""


class DecryptionFailed(RuntimeError):
    """Raised for a value that was altered or moved, or has no key in the key ring."""


class Keyring:
    """The data keys and the look-up key. The first data key is the active one.

    A stored value is: version (1 byte), length of the key id (1), key id, nonce (12), ciphertext
    with tag. Its place, `table.column:id`, is authenticated, so that a value cannot be decrypted in
    another row or column.
    """

    def __init__(self, data_keys: Mapping[str, bytes], lookup_key: bytes) -> None:
        if not data_keys:
            raise KeyringInvalid("there is no data key")
        for kid, key in data_keys.items():
            if not _KEY_ID.fullmatch(kid) or len(key) != KEY_BYTES:
                raise KeyringInvalid("a data key is `kid:base64 of 32 bytes`")
        if len(lookup_key) != KEY_BYTES:
            raise KeyringInvalid("the look-up key is base64 of 32 bytes")
        if any(hmac.compare_digest(key, lookup_key) for key in data_keys.values()):
            raise KeyringInvalid("the look-up key must not be a data key")
        self._ciphers = {kid: AESGCM(key) for kid, key in data_keys.items()}
        self._active = next(iter(data_keys))
        self._active_header = bytes((VERSION, len(self._active))) + self._active.encode()
        self._lookup_key = lookup_key

    @classmethod
    def parse(cls, data_keys: str, lookup_key: str) -> Self:
        """Parse data keys as `kid:base64,kid:base64`, and the look-up key as base64.

        Raises: KeyringInvalid, without the input.
        """
        keys: dict[str, bytes] = {}
        for entry in data_keys.split(","):
            kid, _, text = entry.strip().partition(":")
            if kid in keys:
                raise KeyringInvalid("a key id is used twice")
            keys[kid] = _decode_key(text)
        return cls(keys, _decode_key(lookup_key))

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """Read the key ring of a service.

        Raises: SettingsRefused, without the keys.
        """
        try:
            return cls.parse(
                settings.data_keys.get_secret_value(), settings.lookup_key.get_secret_value()
            )
        except KeyringInvalid as wrong:
            raise SettingsRefused(f"{settings.service} cannot start: {wrong}.") from None

    @property
    def active_header(self) -> bytes:
        """The prefix of values under the active key."""
        return self._active_header

    def encrypt(self, plain: bytes, place: str) -> bytes:
        """Encrypt under the active key. Equal values have different ciphertexts.

        place: `table.column:id`.
        """
        nonce = os.urandom(NONCE_BYTES)
        header = self._active_header
        sealed = self._ciphers[self._active].encrypt(nonce, plain, _associated(header, place))
        return header + nonce + sealed

    def decrypt(self, blob: bytes, place: str) -> bytes:
        """Return the plain value.

        Raises: DecryptionFailed.
        """
        kid, header_length = _read_header(blob)
        cipher = self._ciphers.get(kid)
        if cipher is None:
            raise DecryptionFailed("the key of this value is not in the key ring")
        nonce = blob[header_length : header_length + NONCE_BYTES]
        sealed = blob[header_length + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, _associated(blob[:header_length], place))
        except (InvalidTag, ValueError):
            raise DecryptionFailed("a stored value is not what was written here") from None

    def renew(self, blob: bytes | None, place: str) -> bytes | None:
        """Return a stored value under the active key; unchanged if it already is, or is None.

        Raises: DecryptionFailed.
        """
        if blob is None or blob.startswith(self.active_header):
            return blob
        return self.encrypt(self.decrypt(blob, place), place)

    def lookup(self, kind: str, value: str) -> bytes:
        """Return the keyed hash (32 bytes) of a value, for look-ups.

        kind: such as `nik` or `phone`; it changes the hash. The caller normalises the value.
        """
        message = kind.encode() + b"\0" + value.encode()
        return hmac.digest(self._lookup_key, message, hashlib.sha256)

    def __repr__(self) -> str:
        return f"Keyring(active={self._active!r}, keys={len(self._ciphers)})"


def _decode_key(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise KeyringInvalid("a key is not base64") from None


def _associated(header: bytes, place: str) -> bytes:
    return header + b"\0" + place.encode()


def _read_header(blob: bytes) -> tuple[str, int]:
    if len(blob) < 2 or blob[0] != VERSION or len(blob) < 2 + blob[1] + NONCE_BYTES:
        raise DecryptionFailed("a stored value is not in the known format")
    header_length = 2 + blob[1]
    return blob[2:header_length].decode("ascii", "replace"), header_length
