"""The door: who may pass, how often, and where to.

Stands between the request's context and the gateway's own routes. What the table of upstreams
sends elsewhere is forwarded; the rest goes on to the gateway's own routes, behind the same door.
"""

import time
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.address import client_address, client_scheme, throttle_key
from gateway.forward import Caller, ClientGone, Forwarder, Headers
from gateway.limits import Allowance, Limiter, RateClass
from gateway.revocations import Revocations
from gateway.settings import Settings
from gateway.upstreams import Routes, Row, Upstream
from perisai_kit.auth import Authenticator, Principal, Role, TokenInvalid
from perisai_kit.errors import DomainError, Forbidden, NotFound, TooMany, Unauthenticated
from perisai_kit.problems import problem_response

API = "/v1/"


class RateLimited(TooMany):
    code = "rate_limited"
    text = "Too many requests; wait before the next one."
    text_id = "Terlalu banyak permintaan; tunggu sebelum mencoba lagi."


class AddressUnknown(NotFound):
    code = "address_unknown"
    text = "Nothing is at this address."
    text_id = "Alamat ini tidak dikenal."


class ApiDoor:
    """Everything under `/v1/`; other paths pass by."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        authenticator: Authenticator,
        revocations: Revocations,
        forwarder: Forwarder,
        routes: Routes,
        limiter: Limiter,
    ) -> None:
        self.app = app
        self._settings = settings
        self._authenticator = authenticator
        self._revocations = revocations
        self._forwarder = forwarder
        self._routes = routes
        self._limiter = limiter
        self._origins: Mapping[Upstream, str] = {
            Upstream.AGENT: settings.agent_url.rstrip("/"),
            Upstream.MEMBER: settings.member_url.rstrip("/"),
            Upstream.PAYMENT: settings.payment_url.rstrip("/"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        rate_headers: Headers = []
        try:
            row = self._routes.find(scope["path"])
            if row is None:
                raise AddressUnknown
            await self._admit(scope, row, rate_headers)
            await self._pass(scope, receive, send, row, rate_headers)
        except DomainError as error:
            answer = problem_response(Request(scope), error)
            answer.raw_headers.extend(rate_headers)
            await answer(scope, receive, send)
        except ClientGone:
            return

    async def _admit(self, scope: Scope, row: Row, rate_headers: Headers) -> None:
        address = client_address(scope, self._settings.trusted_proxies)
        if row.roles is None:
            allowance = self._take(row.rate, throttle_key(address))
        else:
            principal = await self._principal(scope, address)
            if Role.SERVICE in principal.roles:
                allowance = None
            else:
                allowance = self._take(row.rate, str(principal.account_id))
            if row.roles and not principal.has(*row.roles):
                raise Forbidden
        if allowance is not None:
            rate_headers.extend(allowance.headers)
            _check(allowance)

    async def _principal(self, scope: Scope, address: str) -> Principal:
        try:
            token = _bearer(scope)
            principal = await self._authenticator.verify(token)
            if self._revocations.is_revoked(principal, token):
                raise TokenInvalid
        except Unauthenticated:
            # Checking signatures is work: who shows only bad tokens is held back by address.
            _check(self._take(RateClass.PUBLIC, throttle_key(address)))
            raise
        scope["state"]["principal"] = principal
        structlog.contextvars.bind_contextvars(account_id=str(principal.account_id))
        return principal

    def _take(self, rate: RateClass, subject: str) -> Allowance:
        return self._limiter.take(rate, subject, at=time.monotonic())

    async def _pass(
        self, scope: Scope, receive: Receive, send: Send, row: Row, rate_headers: Headers
    ) -> None:
        if row.upstream is Upstream.GATEWAY:
            await self.app(scope, receive, _with_headers(send, rate_headers))
            return
        scope["route"] = row
        trusted = self._settings.trusted_proxies
        await self._forwarder.stream(
            scope,
            receive,
            send,
            origin=self._origins[row.upstream],
            caller=Caller(
                address=client_address(scope, trusted),
                scheme=client_scheme(scope, trusted),
                request_id=scope["state"]["request_id"],
            ),
            body_limit=row.body_limit,
            more_headers=rate_headers,
        )


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return str(token.strip())
            break
    raise Unauthenticated


def _check(allowance: Allowance) -> None:
    if allowance.retry_after_s:
        raise RateLimited(retry_after_s=allowance.retry_after_s)


def _with_headers(send: Send, headers: Headers) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return send_more
