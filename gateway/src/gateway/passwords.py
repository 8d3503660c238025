"""Passwords: argon2id, in a thread, a few at a time (each takes 64 MiB)."""

import asyncio
import secrets

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

PASSWORD_MIN = 12
PASSWORD_MAX = 128
"""Source: NIST SP 800-63B 5.1.1 asks for at least 8 and to permit at least 64."""
AT_ONCE = 4
_hasher = PasswordHash([Argon2Hasher()])
_slots = asyncio.Semaphore(AT_ONCE)
_nobodys: list[str] = []


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, hashed: str | None) -> bool:
    """Tell whether a password is right.

    hashed: None for an account that does not exist; it takes as long and is never right.
    """
    async with _slots:
        return await asyncio.to_thread(_verify, password, hashed)


def _verify(password: str, hashed: str | None) -> bool:
    if hashed is not None:
        return _hasher.verify(password, hashed)
    if not _nobodys:
        _nobodys.append(_hasher.hash(secrets.token_urlsafe(16)))
    _hasher.verify(password, _nobodys[0])
    return False
