"""Verification of access tokens, in every service.

Tokens are JWT, ES256 only, with `kid` and `typ`, issued by the gateway for the audience `perisai`.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jwt
import structlog
from fastapi import Request

from perisai_kit.auth.keys import KeySource, KeysUnavailable
from perisai_kit.auth.principal import Principal, read_claims
from perisai_kit.auth.revocations import Revocations
from perisai_kit.domain.errors import BadRequest, Unauthenticated

AUDIENCE = "perisai"
ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"
"""The header `typ` of an access token, so that no other JWT is accepted. Source: RFC 9068."""
LEEWAY_S = 60
"""The tolerated difference of clocks, for `exp`, `iat` and `nbf`."""
MAX_TOKEN_LIFE_S = 3600
"""A token with a longer life is refused. Revocations are kept as long."""
CACHED_TOKENS = 10_000
MAX_TOKEN_LENGTH = 4096


class TokenExpired(Unauthenticated):
    code = "token_expired"
    text = "The access token has expired. Refresh it."
    text_id = "Token akses sudah kedaluwarsa. Perbarui tokennya."


class TokenInvalid(Unauthenticated):
    code = "token_invalid"
    text = "The access token is not valid. Sign in again."
    text_id = "Token akses tidak valid. Silakan masuk lagi."


class AuthorizationRepeated(BadRequest):
    """A proxy and a service could read different ones of them."""

    code = "authorization_repeated"
    text = "Send exactly one Authorization header."
    text_id = "Kirim satu header Authorization saja."


def read_bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the bearer token of raw ASGI headers, whose names are in lower case.

    Raises: Unauthenticated for no token, AuthorizationRepeated for several, also in one header
    joined by commas.
    """
    given: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if given is not None:
                raise AuthorizationRepeated
            given = value
    if given is None:
        raise Unauthenticated
    if b"," in given:
        raise AuthorizationRepeated
    scheme, _, token = given.decode("latin-1").partition(" ")
    token = token.strip()
    if not token or scheme.lower() != "bearer":
        raise Unauthenticated
    return token


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token with a valid signature. Instants are seconds since 1970."""

    kid: str
    principal: Principal
    issued_at: float
    not_before: float
    expires_at: float


class Authenticator:
    """Verifies tokens, and caches verified ones by their SHA-256.

    For a cached token the key, the times and the revocations are still checked each time.
    """

    def __init__(self, keys: KeySource, *, issuer: str, revocations: Revocations) -> None:
        self.keys = keys
        self.revocations = revocations
        self._issuer = issuer
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(
        self,
        token: str,
        *,
        at: float | None = None,
        before_decoding: Callable[[], None] | None = None,
    ) -> Principal:
        """Return the principal of a token.

        at: seconds since 1970; now when left out. before_decoding: called before a signature is
        checked; its exception ends the verification.
        Raises: TokenExpired, TokenInvalid, KeysUnavailable.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenInvalid
        await self.revocations.refresh()
        digest = _digest(token)
        found = self._verified.get(digest)
        if found is not None and not self.keys.has(found.kid):
            del self._verified[digest]
            found = None
        if found is None:
            if before_decoding is not None:
                before_decoding()
            found = await self._decode(token)
            self._verified[digest] = found
            if len(self._verified) > CACHED_TOKENS:
                self._verified.popitem(last=False)
        _check_times(found, time.time() if at is None else at)
        principal = found.principal
        if self.revocations.is_revoked(
            account_id=principal.account_id,
            session_id=principal.session_id,
            issued_at=found.issued_at,
        ):
            raise TokenInvalid
        return principal

    async def _decode(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("typ") != TOKEN_TYPE or not isinstance(kid, str):
                raise TokenInvalid
            key = await self.keys.find(kid)
            if key is None:
                raise TokenInvalid if self.keys.loaded else KeysUnavailable
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                # The times are checked below, for cached tokens too.
                options={
                    "require": ["exp", "iat", "sub", "iss", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return _Verified(
                kid=kid,
                principal=read_claims(claims),
                issued_at=_instant(claims["iat"]),
                not_before=_instant(claims.get("nbf", claims["iat"])),
                expires_at=_instant(claims["exp"]),
            )
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            raise TokenInvalid from None

    async def authenticate(self, request: Request) -> Principal:
        """Return the principal of the request's bearer token, verified once per request.

        Raises: Unauthenticated for no token, AuthorizationRepeated, TokenExpired, TokenInvalid,
        KeysUnavailable.
        """
        known = getattr(request.state, "principal", None)
        if isinstance(known, Principal):
            return known
        principal = await self.verify(read_bearer_token(request.headers.raw))
        request.state.principal = principal
        structlog.contextvars.bind_contextvars(account_id=principal.subject)
        return principal


def _instant(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("an instant is a number of seconds")
    try:
        instant = float(value)
    except OverflowError:
        raise ValueError("an instant is a number of seconds") from None
    if not math.isfinite(instant):
        raise ValueError("an instant is a number of seconds")
    return instant


def _check_times(token: _Verified, at: float) -> None:
    if at >= token.expires_at + LEEWAY_S:
        raise TokenExpired
    if token.expires_at - token.issued_at > MAX_TOKEN_LIFE_S:
        raise TokenInvalid
    if max(token.issued_at, token.not_before) > at + LEEWAY_S:
        raise TokenInvalid


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
