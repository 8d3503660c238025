"""Admission of a request: its token, its roles, its rate."""

import time
from functools import partial

from starlette.types import Scope

from gateway.credentials.rules import ENROLMENT, ENROLMENT_PATHS, TotpEnrolmentOnly
from gateway.edge.connection import Headers
from gateway.edge.limits import Limiter, RateClass
from gateway.edge.routes import Row
from gateway.settings import Settings
from perisai_kit.auth.keys import KeysUnavailable
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.tokens import Authenticator, AuthorizationRepeated, read_bearer_token
from perisai_kit.domain.errors import Forbidden, NotFound, TooMany, Unauthenticated
from perisai_kit.http.client_address import get_client_network


class RateLimited(TooMany):
    code = "rate_limited"
    text = "Too many requests. Wait before the next one."
    text_id = "Terlalu banyak permintaan. Tunggu sebentar sebelum mencoba lagi."


class AddressUnknown(NotFound):
    code = "address_unknown"
    text = "This address does not exist. Check the path."
    text_id = "Alamat ini tidak ditemukan. Periksa kembali alamatnya."


class Admission:
    """Decides whether a request may pass."""

    def __init__(
        self,
        *,
        settings: Settings,
        authenticator: Authenticator,
        limiter: Limiter,
    ) -> None:
        self._trusted = settings.trusted_proxies
        self._authenticator = authenticator
        self._limiter = limiter

    def get_network(self, scope: Scope) -> str:
        """Return the key under which requests without a sign-in are counted."""
        return get_client_network(scope, self._trusted)

    async def admit(self, scope: Scope, row: Row | None, rate_headers: Headers) -> Principal | None:
        """Return the principal, or None on a public address. Adds the RateLimit fields.

        row: None for an unknown address; such requests count too.
        Raises: AddressUnknown, Unauthenticated, AuthorizationRepeated, TokenExpired,
        TokenInvalid, KeysUnavailable, Forbidden, TotpEnrolmentOnly, RateLimited.
        """
        if row is None:
            self._check_rate(RateClass.PUBLIC, self.get_network(scope), rate_headers)
            raise AddressUnknown
        if row.roles is None:
            self._check_rate(row.rate, self.get_network(scope), rate_headers)
            return None
        principal = await self._authenticate(scope)
        if not principal.is_service:
            self._check_rate(row.rate, principal.subject, rate_headers)
        if ENROLMENT in principal.amr and scope["path"] not in ENROLMENT_PATHS:
            raise TotpEnrolmentOnly
        if row.roles and row.roles.isdisjoint(principal.roles):
            raise Forbidden
        return principal

    async def _authenticate(self, scope: Scope) -> Principal:
        """Verify the token. Bad tokens count against the address, because each check costs time."""
        try:
            token = read_bearer_token(scope["headers"])
            return await self._authenticator.verify(
                token, before_decoding=partial(self._check_token_rate, scope)
            )
        except (Unauthenticated, AuthorizationRepeated, KeysUnavailable):
            self._check_rate(RateClass.TOKENS, self.get_network(scope), [])
            raise

    def _check_token_rate(self, scope: Scope) -> None:
        at = time.monotonic()
        if wait_s := self._limiter.wait_s(RateClass.TOKENS, self.get_network(scope), at=at):
            raise RateLimited(retry_after_s=wait_s)

    def _check_rate(self, rate: RateClass, subject: str, rate_headers: Headers) -> None:
        allowance = self._limiter.take(rate, subject, at=time.monotonic())
        rate_headers.extend(allowance.headers)
        if allowance.retry_after_s:
            raise RateLimited(retry_after_s=allowance.retry_after_s)
