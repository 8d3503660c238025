"""Passwords: the check of new ones, and argon2id in a bounded thread pool.

Hashing is the most expensive work that an unknown client can cause. So it has one slot less than
there are cores, threads of low priority, 64 MiB a slot by default, and a short queue. When the
queue is full, a sign-in is refused before it costs a transaction, and all other requests go on.
Each requester has two places in the queue. Unknown devices together have half of the queue; the
other half is for known devices and signed-in accounts.
"""

import asyncio
import os
import secrets
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn_rs_py import zxcvbn

from perisai_kit.domain.errors import Invalid, Unavailable
from perisai_kit.domain.regions import list_place_names

PASSWORD_MIN = 12
PASSWORD_MAX = 128
"""Source: NIST SP 800-63B 5.1.1 asks for at least 8 and to permit at least 64."""
AT_ONCE = max(1, (os.cpu_count() or 1) - 1)
WAITING_AT_MOST = 8 * AT_ONCE
"""The queue for unknown devices, and as long a queue for the others. A hash takes 0.1 to 0.5 s."""
WAITING_EACH = 2
"""The places of one requester, so that a few addresses do not take the whole queue."""
BUSY_RETRY_S = 2
STRONG_ENOUGH = 3
"""Of 0 to 4. Source: the advice of zxcvbn; 3 means more than 10^8 guesses."""
JUDGED_CHARACTERS = 32
"""The estimate takes more than linear time, and more characters make no password weaker."""
OWN_WORDS = ("perisai", "bpjs", "ketenagakerjaan", "sandi", "indonesia")
"""Words that an attacker of this platform would try first."""
FEW_WORDS = 2
"""So many of them or of places, with few digits and signs, are easy; three are many guesses."""
FEW_SIGNS = 8
"""As in a date of birth. Nine digits at random are as many guesses as `STRONG_ENOUGH`."""

NICENESS = 10
"""Of the hashing threads, so that requests get a core before them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HashCost:
    """The cost of one hash: memory in KiB, and passes of argon2id over it."""

    kib: int
    passes: int


FLOOR = HashCost(kib=19 * 1024, passes=2)
"""The minimum outside of a sandbox. Source: OWASP, Password Storage Cheat Sheet."""


@dataclass(frozen=True, slots=True)
class Requester:
    """The source of a request to hash a password.

    name: the known device or account, or the network of an unknown client.
    """

    name: str
    is_known: bool


OPERATOR = Requester("command line", is_known=True)


@dataclass(eq=False, slots=True)
class Place:
    """A place in the queue for a slot; it is free again when the slot is taken."""

    by: Requester

    async def verify(self, password: str, hashed: str | None, *, cost: HashCost) -> bool:
        """Tell whether a password is right.

        hashed: None for an unknown account; it takes as long as a hash of this cost and is False.
        """
        async with _take_slot(self):
            return await _in_thread(lambda: _verify(password, hashed, cost))


_slots = asyncio.Semaphore(AT_ONCE)
_waiting: set[Place] = set()
_hashing: set[Place] = set()


def make_requester(account_id: uuid.UUID) -> Requester:
    """Return the requester of a signed-in account."""
    return Requester(str(account_id), is_known=True)


class SignInBusy(Unavailable):
    code = "sign_in_busy"
    text = "Too many people are signing in. Try again in a moment."
    text_id = "Terlalu banyak orang yang sedang masuk. Coba sebentar lagi."


class PasswordTooCommon(Invalid):
    code = "password_too_common"
    text = "This password is too easy to guess. Choose several unusual words."
    text_id = "Kata sandi ini mudah ditebak. Pakai beberapa kata yang tidak umum."


class PasswordHasUsername(Invalid):
    code = "password_has_username"
    text = "The password must not contain the username."
    text_id = "Kata sandi tidak boleh mengandung nama pengguna."


@contextmanager
def queue(by: Requester) -> Iterator[Place]:
    """Hold a place in the queue during the block, so that a refused request costs nothing else.

    Raises: SignInBusy.
    """
    place = Place(by)
    if len(_hashing) + len(_waiting) >= AT_ONCE and not _can_wait(by):
        raise SignInBusy(retry_after_s=BUSY_RETRY_S)
    _waiting.add(place)
    try:
        yield place
    finally:
        _waiting.discard(place)


async def check_new_password(password: str, *, username: str, field: str, by: Requester) -> None:
    """Refuse a password that is easy to guess.

    field: its place in the request.
    Raises: PasswordTooCommon, PasswordHasUsername, SignInBusy.
    """
    if username.lower() in password.lower():
        raise PasswordHasUsername(field=field)
    with queue(by) as place:
        async with _take_slot(place):
            is_easy = await _in_thread(lambda: _is_easy(password, username))
    if is_easy:
        raise PasswordTooCommon(field=field)


async def hash_new_password(
    password: str, *, username: str, field: str, by: Requester, cost: HashCost
) -> str:
    """Check a new password and return its argon2id hash.

    field: its place in the request.
    Raises: PasswordTooCommon, PasswordHasUsername, SignInBusy.
    """
    await check_new_password(password, username=username, field=field, by=by)
    return await hash_password(password, by=by, cost=cost)


async def hash_password(password: str, *, by: Requester, cost: HashCost) -> str:
    """Return the argon2id hash of a password. Raises: SignInBusy."""
    with queue(by) as place:
        async with _take_slot(place):
            return await _in_thread(lambda: _make_hasher(cost).hash(password))


@asynccontextmanager
async def _take_slot(place: Place) -> AsyncIterator[None]:
    async with _slots:
        _waiting.discard(place)
        _hashing.add(place)
        try:
            yield
        finally:
            _hashing.discard(place)


def _can_wait(by: Requester) -> bool:
    waiting = Counter(each.by for each in _waiting)
    like_it = sum(count for each, count in waiting.items() if each.is_known == by.is_known)
    return waiting[by] < WAITING_EACH and like_it < WAITING_AT_MOST


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _lower_priority() -> None:
    if sys.platform == "linux":  # there it applies to one thread, elsewhere to the whole process
        os.nice(NICENESS)


_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hash", initializer=_lower_priority)


def _is_easy(password: str, username: str) -> bool:
    """Tell whether a password is easy to guess; a place of Indonesia is an easy word."""
    small = password.lower()
    # Only those that occur: the estimate takes a word late in the list for a rarer one.
    words = [*OWN_WORDS, *(name for name in list_place_names() if name in small)]
    if _is_few_words(small, words):
        return True
    return int(zxcvbn(password[:JUDGED_CHARACTERS], [username, *words]).score) < STRONG_ENOUGH


def _is_few_words(password: str, words: list[str]) -> bool:
    """Tell whether a password is a few of these words with few digits and signs."""
    used = 0
    for word in sorted(words, key=len, reverse=True):
        used += word in password
        password = password.replace(word, " ")
    rest = "".join(password.split())
    has_letters = any(sign.isalpha() for sign in rest)
    return 0 < used <= FEW_WORDS and len(rest) <= FEW_SIGNS and not has_letters


@cache
def _make_hasher(cost: HashCost) -> PasswordHash:
    return PasswordHash([Argon2Hasher(memory_cost=cost.kib, time_cost=cost.passes, parallelism=1)])


@cache
def _make_dummy_hash(cost: HashCost) -> str:
    return _make_hasher(cost).hash(secrets.token_urlsafe(16))


def _verify(password: str, hashed: str | None, cost: HashCost) -> bool:
    if hashed is not None:
        return _make_hasher(cost).verify(password, hashed)
    _make_hasher(cost).verify(password, _make_dummy_hash(cost))
    return False
