"""The keys that sign access tokens: created, published, rotated, retired.

The next key is published before it signs, so that every service knows it before its first token. A
retired key stays published until its last token has expired. A revoked key is not published.
"""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.keys import queries, rules
from gateway.keys.models import SigningKey
from gateway.keys.rules import KeyStatus
from perisai_kit.auth.tokens import ALGORITHM, TOKEN_TYPE
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Unavailable
from perisai_kit.runtime.log import get_logger

READ_S = 5.0
"""How long a reading may take, so that no other waits longer behind a dead connection."""
LOOK_AGAIN_S = 5.0
"""How often an unknown `kid` may cause another read of the table."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Loaded:
    kid: str
    private_key: ec.EllipticCurvePrivateKey
    public: dict[str, jwt.PyJWK]
    jwks: dict[str, Any]


class SigningKeys:
    """The keys that this process has loaded; `reload` is called before tokens are judged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: _Loaded | None = None
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        return self._known is not None

    def has(self, kid: str) -> bool:
        """Tell whether `kid` names a published key."""
        return self._known is not None and kid in self._known.public

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """Return the public key with this `kid`; an unknown one causes a reload."""
        known = await self._get()
        if kid not in known.public and time.monotonic() - self._read_at > LOOK_AGAIN_S:
            known = await self.reload()
        return known.public.get(kid)

    async def sign(self, claims: dict[str, Any]) -> str:
        """Return a token with these claims, signed with the current key."""
        known = await self._get()
        if time.monotonic() - self._read_at > LOOK_AGAIN_S:  # one may be retired or revoked
            with suppress(Unavailable):  # the loaded keys are used until the table can be read
                known = await self.reload()
        header = {"typ": TOKEN_TYPE, "kid": known.kid}
        return jwt.encode(claims, known.private_key, algorithm=ALGORITHM, headers=header)

    async def jwks(self) -> dict[str, Any]:
        """Return the published key set."""
        return (await self._get()).jwks

    def forget(self) -> None:
        """Read the table again before the next signature, because the last token was refused."""
        self._read_at = float("-inf")

    async def reload(self, session: AsyncSession | None = None) -> _Loaded:
        """Read the table again. The first process that finds it empty creates two keys.

        session: to read in; one of its own when left out.
        """
        async with self._lock:
            self._read_at = time.monotonic()
            now = clock.real_now()
            try:
                async with asyncio.timeout(READ_S):
                    rows = await self._read(session, now=now)
            except (SQLAlchemyError, OSError):
                raise Unavailable("The signing keys cannot be read.", retry_after_s=2) from None
            published = [row for row in rows if rules.is_published(_get_life(row), now=now)]
            current = _find_by_status(rows, KeyStatus.CURRENT)
            known = self._known
            # A `kid` is made of its key, so nothing is parsed anew where the names are the same.
            if known is None or (known.kid, [*known.public]) != (
                current.kid,
                [row.kid for row in published],
            ):
                known = self._known = _load(current, published)
            return known

    async def _read(self, session: AsyncSession | None, *, now: datetime) -> Sequence[SigningKey]:
        if session is not None:
            rows = await queries.list_keys(session)
        else:
            async with self._database.read() as own:
                rows = await queries.list_keys(own)
        if not any(row.status == KeyStatus.CURRENT for row in rows):
            async with self._database.begin() as writing:
                rows = await ensure(writing, now=now)
        return rows

    async def _get(self) -> _Loaded:
        return self._known if self._known is not None else await self.reload()


async def ensure(session: AsyncSession, *, now: datetime) -> Sequence[SigningKey]:
    """Create the current and the next key if there is none. Locks the keys."""
    rows = list(await queries.lock_keys(session))
    present = {row.status for row in rows}
    for status in (KeyStatus.CURRENT, KeyStatus.NEXT):
        if status not in present:
            rows.append(_make_key(status, now))
            session.add(rows[-1])
    await session.flush()
    return rows


async def rotate(session: AsyncSession, *, now: datetime) -> Sequence[SigningKey]:
    """Let the next key sign from now on, and publish a new next one. Locks the keys.

    Raises: KeyTooYoung when a service may not have seen the next key yet.
    """
    rows = list(await ensure(session, now=now))
    if not rules.can_take_over(_get_life(_find_by_status(rows, KeyStatus.NEXT)), now=now):
        raise rules.KeyTooYoung
    current = _find_by_status(rows, KeyStatus.CURRENT)
    current.status, current.retired_at = KeyStatus.RETIRED, now
    await _fill_states(session, rows, now=now)
    log.info("signing_key.rotated", kid=_find_by_status(rows, KeyStatus.CURRENT).kid)
    return await queries.list_keys(session)


async def revoke(
    session: AsyncSession, *, kid: str, by: uuid.UUID, reason: str, now: datetime
) -> Sequence[SigningKey]:
    """Revoke a key: it is no longer published, and its private key is deleted.

    The next key replaces a current one even if no service knows it yet: an unknown `kid` makes a
    service fetch the keys. A revoked key stays as it is. Locks the keys.
    Raises: KeyNotFound.
    """
    rows = list(await ensure(session, now=now))
    key = next((row for row in rows if row.kid == kid), None)
    if key is None:
        raise rules.KeyNotFound
    if key.revoked_at is None:
        key.status, key.retired_at = KeyStatus.RETIRED, key.retired_at or now
        key.revoked_at, key.revoked_by, key.revoked_reason = now, by, reason
        key.private_key = b""
        await _fill_states(session, rows, now=now)
        log.warning("signing_key.revoked", kid=kid, by=str(by))
    return await queries.list_keys(session)


async def _fill_states(session: AsyncSession, rows: list[SigningKey], *, now: datetime) -> None:
    """Make the next key current if there is no current one, and create a next one."""
    await session.flush()  # one current and one next at a time: the unique index sees each step
    if not any(row.status == KeyStatus.CURRENT for row in rows):
        following = _find_by_status(rows, KeyStatus.NEXT)
        following.status, following.current_at = KeyStatus.CURRENT, now
        await session.flush()
    if not any(row.status == KeyStatus.NEXT for row in rows):
        rows.append(_make_key(KeyStatus.NEXT, now))
        session.add(rows[-1])
        await session.flush()


async def rotate_if_due(session: AsyncSession, *, now: datetime, signs_for: timedelta) -> bool:
    """Rotate if the current key has signed long enough, and delete keys that no token needs."""
    rows = await ensure(session, now=now)
    for row in rows:
        if not rules.is_kept(_get_life(row), now=now):
            await session.delete(row)
    due = rules.is_due(
        _get_life(_find_by_status(rows, KeyStatus.CURRENT)), now=now, signs_for=signs_for
    ) and rules.can_take_over(_get_life(_find_by_status(rows, KeyStatus.NEXT)), now=now)
    if due:
        await rotate(session, now=now)
    return due


async def list_all(session: AsyncSession) -> Sequence[SigningKey]:
    """Return every key, newest first, the revoked ones last."""
    return await queries.list_keys(session)


def _find_by_status(rows: Sequence[SigningKey], status: KeyStatus) -> SigningKey:
    return next(row for row in rows if row.status == status)


def _get_life(row: SigningKey) -> rules.KeyLife:
    return rules.KeyLife(
        KeyStatus(row.status), row.created_at, row.current_at, row.retired_at, row.revoked_at
    )


def _make_key(status: KeyStatus, now: datetime) -> SigningKey:
    private_key = ec.generate_private_key(ec.SECP256R1())
    public = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(
        kid=hashlib.sha256(public).hexdigest()[:16],
        status=status,
        private_key=private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        public_key=public,
        created_at=now,
        current_at=now if status is KeyStatus.CURRENT else None,
    )


def _load(current: SigningKey, rows: Sequence[SigningKey]) -> _Loaded:
    private_key = load_der_private_key(current.private_key, password=None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    published = [_build_jwk(row) for row in rows]
    return _Loaded(
        kid=current.kid,
        private_key=private_key,
        public={each["kid"]: jwt.PyJWK.from_dict(each) for each in published},
        jwks={"keys": published},
    )


def _build_jwk(row: SigningKey) -> dict[str, Any]:
    public_key = load_der_public_key(row.public_key)
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(public_key, as_dict=True)
    return {**public, "kid": row.kid, "alg": ALGORITHM, "use": "sig"}
