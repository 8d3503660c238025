"""Who is asking: tokens verified by every service for itself, roles and scopes.

Tokens are JWT, ES256 only, with `kid`, issued by the gateway for the audience `perisai`. A role
taken away stops counting when the token ends, at most ten minutes later.
"""

import asyncio
import hashlib
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import httpx
import jwt
import structlog
from fastapi import Request

from perisai_kit.errors import Forbidden, Unauthenticated
from perisai_kit.log import get_logger
from perisai_kit.tls import authorities

AUDIENCE = "perisai"
ALGORITHM = "ES256"
REFRESH_AT_MOST_EVERY_S = 60
CACHED_TOKENS = 10_000
MAX_TOKEN_LENGTH = 4096

log = get_logger()


class Role(StrEnum):
    MEMBER = "member"
    AGENT = "agent"
    WADAH_ADMIN = "wadah_admin"
    BRANCH_OFFICER = "branch_officer"
    FINANCE_OFFICER = "finance_officer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SERVICE = "service"


class ScopeKind(StrEnum):
    BRANCH = "branch"
    REGION = "region"
    COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the country a subject works for.

    code: the branch's or region's code; None for the country. region: a branch's region code.
    """

    kind: ScopeKind
    code: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The subject of a verified token."""

    account_id: uuid.UUID
    roles: frozenset[Role]
    agent_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    wadah_id: uuid.UUID | None = None
    scope: Scope | None = None
    client_id: str | None = None
    amr: tuple[str, ...] = ()
    device_id: str | None = None

    def has(self, *roles: Role) -> bool:
        """Tell whether the subject has at least one of these roles."""
        return not self.roles.isdisjoint(roles)

    def covers(self, *, branch_code: str | None, region_code: str | None) -> bool:
        """Tell whether the subject's scope holds this branch of this region.

        Without a scope an administrator has the country, and everybody else nothing.
        """
        match self.scope:
            case None:
                return self.has(Role.ADMIN)
            case Scope(kind=ScopeKind.COUNTRY):
                return True
            case Scope(kind=ScopeKind.REGION, code=code):
                return code is not None and code == region_code
            case Scope(kind=ScopeKind.BRANCH, code=code):
                return code is not None and code == branch_code
        return False


class TokenExpired(Unauthenticated):
    code = "token_expired"
    text = "The access token has expired; refresh it."
    text_id = "Token akses sudah kedaluwarsa; perbarui token."


class TokenInvalid(Unauthenticated):
    code = "token_invalid"
    text = "The access token is not valid."
    text_id = "Token akses tidak sah."


class KeySource(Protocol):
    """Where verification keys come from: the gateway's JWKS, or the gateway's own table."""

    @property
    def loaded(self) -> bool: ...

    async def find(self, kid: str) -> jwt.PyJWK | None: ...


class RemoteKeys:
    """The gateway's published keys, fetched again on an unknown `kid` at most once a minute."""

    def __init__(self, gateway_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = f"{gateway_url.rstrip('/')}/.well-known/jwks.json"
        self._transport = transport
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        return bool(self._keys)

    async def find(self, kid: str) -> jwt.PyJWK | None:
        if kid not in self._keys:
            async with self._lock:
                since = time.monotonic() - self._fetched_at
                if kid not in self._keys and (not self._keys or since > REFRESH_AT_MOST_EVERY_S):
                    await self.fetch()
        return self._keys.get(kid)

    async def fetch(self) -> bool:
        """Fetch the key set once; tell whether it came. A failure keeps the keys we have."""
        self._fetched_at = time.monotonic()
        try:
            async with httpx.AsyncClient(
                transport=self._transport, verify=authorities(), timeout=5, trust_env=False
            ) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            log.warning("keys.unavailable", error=type(error).__name__)
            return False
        self._keys = {key.key_id: key for key in keys if key.key_id is not None}
        return True

    async def fetch_until_loaded(self) -> None:
        """Fetch until there are keys; the gateway may start after us."""
        while not self.loaded:
            if not await self.fetch():
                await asyncio.sleep(0.5)


class Authenticator:
    """Verifies tokens, and remembers the verified ones by their SHA-256 until they end."""

    def __init__(self, keys: KeySource, *, issuer: str) -> None:
        self.keys = keys
        self._issuer = issuer
        self._verified: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return the token's subject.

        Raises: TokenExpired, TokenInvalid.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenInvalid
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = self._verified.get(digest)
        if found is not None:
            if found[0] > time.time():
                return found[1]
            raise TokenExpired
        expires_at, principal = await self._decode(token)
        self._verified[digest] = (expires_at, principal)
        if len(self._verified) > CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    async def _decode(self, token: str) -> tuple[float, Principal]:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = await self.keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise TokenInvalid
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "iss", "aud"]},
                leeway=5,
            )
            return float(claims["exp"]), principal_of(claims)
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            raise TokenInvalid from None

    async def principal(self, request: Request) -> Principal:
        """Return the subject of the request's bearer token, verified once a request.

        Raises: Unauthenticated when there is none, TokenExpired, TokenInvalid.
        """
        known = getattr(request.state, "principal", None)
        if isinstance(known, Principal):
            return known
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        principal = await self.verify(token.strip())
        request.state.principal = principal
        structlog.contextvars.bind_contextvars(account_id=str(principal.account_id))
        return principal


def principal_of(claims: dict[str, Any]) -> Principal:
    """Return the subject that a token's claims describe; ValueError where they do not fit."""
    scope = claims.get("scope")
    return Principal(
        account_id=uuid.UUID(claims["sub"]),
        roles=frozenset(Role(role) for role in claims.get("roles", [])),
        agent_id=_uuid(claims.get("agent_id")),
        member_id=_uuid(claims.get("member_id")),
        wadah_id=_uuid(claims.get("wadah_id")),
        scope=Scope(ScopeKind(scope["kind"]), scope.get("code"), scope.get("region"))
        if scope
        else None,
        client_id=claims.get("client_id"),
        amr=tuple(claims.get("amr", ())),
        device_id=claims.get("device_id"),
    )


def claims_of(principal: Principal) -> dict[str, Any]:
    """Return the claims that describe a subject; `principal_of` reads them back."""
    claims: dict[str, Any] = {
        "sub": str(principal.account_id),
        "roles": sorted(principal.roles),
        "agent_id": _text(principal.agent_id),
        "member_id": _text(principal.member_id),
        "wadah_id": _text(principal.wadah_id),
        "client_id": principal.client_id,
        "amr": list(principal.amr),
        "device_id": principal.device_id,
    }
    if principal.scope is not None:
        scope = principal.scope
        claims["scope"] = {"kind": scope.kind, "code": scope.code, "region": scope.region}
    return {name: value for name, value in claims.items() if value is not None}


def _uuid(value: str | None) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def require(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """Return a dependency that gives the request's principal, who has one of `roles`.

    Without roles any signed-in account will do.
    """

    async def dependency(request: Request) -> Principal:
        authenticator: Authenticator = request.app.state.kit.authenticator
        principal = await authenticator.principal(request)
        if roles and not principal.has(*roles):
            raise Forbidden
        return principal

    dependency.allowed_roles = roles  # type: ignore[attr-defined]  # the route table test reads it
    return dependency
