"""Passwords: which are too easy to guess, and argon2id in a thread, a few at a time.

Hashing is the dearest thing a stranger can ask for. So it has fewer slots than there are cores,
each of one thread and 64 MiB, and a short queue: beyond that a sign-in is refused at once, and
banks and everybody who has signed in are served as before. Each requester has two places in the
queue at most, and strangers together no more than theirs: the others are kept for known devices
and for accounts that are signed in.
"""

import asyncio
import os
import secrets
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn_rs_py import zxcvbn

from perisai_kit.domain.errors import Invalid, Unavailable

PASSWORD_MIN = 12
PASSWORD_MAX = 128
"""Source: NIST SP 800-63B 5.1.1 asks for at least 8 and to permit at least 64."""
AT_ONCE = max(1, (os.cpu_count() or 1) - 1)
WAITING_AT_MOST = 8 * AT_ONCE
"""How many strangers wait, and how many others. A hash takes a tenth to half of a second, so nobody
who waits does so for long."""
WAITING_EACH = 2
"""How many requests of one requester wait, so that a few addresses do not take every place."""
BUSY_RETRY_S = 2
STRONG_ENOUGH = 3
"""Of 0 to 4. Source: zxcvbn's own advice; 3 stands for more than 10^8 guesses."""
JUDGED_CHARACTERS = 32
"""Estimating takes longer than linear time, and the rest makes no password worse."""
OWN_WORDS = ("perisai", "bpjs", "ketenagakerjaan", "sandi")
"""Words that stand before others in a guess at this platform."""

_hasher = PasswordHash([Argon2Hasher(parallelism=1)])
_slots = asyncio.Semaphore(AT_ONCE)
_waiting: Counter["Requester"] = Counter()
_nobodys: list[str] = []


@dataclass(frozen=True, slots=True)
class Requester:
    """Who has a password hashed.

    name: a stranger's address (the /64 for IPv6), or the known device or account.
    """

    name: str
    is_known: bool


OPERATOR = Requester("command line", is_known=True)


def signed_in(account_id: uuid.UUID) -> Requester:
    """Return the requester that a signed-in account is."""
    return Requester(str(account_id), is_known=True)


class SignInBusy(Unavailable):
    code = "sign_in_busy"
    text = "Too many people are signing in; try again in a moment."
    text_id = "Terlalu banyak yang sedang masuk; coba sesaat lagi."


class PasswordTooCommon(Invalid):
    code = "password_too_common"
    text = "This password is easy to guess; choose several unusual words."
    text_id = "Kata sandi ini mudah ditebak; pilih beberapa kata yang tidak lazim."


class PasswordHasUsername(Invalid):
    code = "password_has_username"
    text = "The password must not contain the username."
    text_id = "Kata sandi tidak boleh memuat nama pengguna."


async def check_new_password(password: str, *, username: str, field: str, by: Requester) -> None:
    """Refuse a password that is easy to guess.

    field: where it stood in the request.
    Raises: PasswordTooCommon, PasswordHasUsername, SignInBusy.
    """
    if username.lower() in password.lower():
        raise PasswordHasUsername(field=field)
    async with _slot(by):
        score = await asyncio.to_thread(_guess_score, password, username)
    if score < STRONG_ENOUGH:
        raise PasswordTooCommon(field=field)


async def hash_new_password(password: str, *, username: str, field: str, by: Requester) -> str:
    """Return the argon2id hash of a password that somebody wants to have.

    field: where it stood in the request.
    Raises: PasswordTooCommon, PasswordHasUsername, SignInBusy.
    """
    await check_new_password(password, username=username, field=field, by=by)
    return await hash_password(password, by=by)


async def hash_password(password: str, *, by: Requester) -> str:
    """Return the argon2id hash of a password. Raises: SignInBusy."""
    async with _slot(by):
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, hashed: str | None, *, by: Requester) -> bool:
    """Tell whether a password is right.

    hashed: None for an account that does not exist; it takes as long and is never right.
    Raises: SignInBusy.
    """
    async with _slot(by):
        return await asyncio.to_thread(_verify, password, hashed)


@asynccontextmanager
async def _slot(by: Requester) -> AsyncIterator[None]:
    if _slots.locked() and not _may_wait(by):
        raise SignInBusy(retry_after_s=BUSY_RETRY_S)
    _waiting[by] += 1
    try:
        await _slots.acquire()
    finally:
        _waiting[by] -= 1
        if not _waiting[by]:
            del _waiting[by]
    try:
        yield
    finally:
        _slots.release()


def _may_wait(by: Requester) -> bool:
    like_it = sum(count for each, count in _waiting.items() if each.is_known == by.is_known)
    return _waiting[by] < WAITING_EACH and like_it < WAITING_AT_MOST


def _guess_score(password: str, username: str) -> int:
    return int(zxcvbn(password[:JUDGED_CHARACTERS], [username, *OWN_WORDS]).score)


def _verify(password: str, hashed: str | None) -> bool:
    if hashed is not None:
        return _hasher.verify(password, hashed)
    if not _nobodys:
        _nobodys.append(_hasher.hash(secrets.token_urlsafe(16)))
    _hasher.verify(password, _nobodys[0])
    return False
