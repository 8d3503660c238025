"""The door: who may pass, how often, and where to.

One admission for all, and two doors: what the table of upstreams sends to a service is forwarded
at the outer one, the gateway's own routes are behind the inner one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.address import client_address, client_scheme, throttle_key
from gateway.forward import Forwarder
from gateway.heads import Caller
from gateway.limits import Limiter, RateClass
from gateway.request_body import ClientGone
from gateway.revocations import Revocations
from gateway.settings import Settings
from gateway.traffic import ID_HEADER, Passage
from gateway.upstream_http import Headers
from gateway.upstream_pool import Origin
from gateway.upstreams import Routes, Row, Upstream
from perisai_kit.auth import Authenticator, Principal, Role, TokenInvalid
from perisai_kit.errors import DomainError, Forbidden, NotFound, TooMany, Unauthenticated
from perisai_kit.problems import problem_response, unexpected_problem

API = "/v1/"


class RateLimited(TooMany):
    code = "rate_limited"
    text = "Too many requests; wait before the next one."
    text_id = "Terlalu banyak permintaan; tunggu sebelum mencoba lagi."


class AddressUnknown(NotFound):
    code = "address_unknown"
    text = "Nothing is at this address."
    text_id = "Alamat ini tidak dikenal."


class Admission:
    """Decides whether a request may pass: its token, its roles, its rate."""

    def __init__(
        self,
        *,
        settings: Settings,
        authenticator: Authenticator,
        revocations: Revocations,
        limiter: Limiter,
    ) -> None:
        self._trusted = settings.trusted_proxies
        self._authenticator = authenticator
        self._revocations = revocations
        self._limiter = limiter

    async def admit(self, scope: Scope, row: Row, rate_headers: Headers) -> Principal | None:
        """Return who asks; None where anybody may. Adds the RateLimit fields.

        Raises: Unauthenticated, TokenExpired, TokenInvalid, Forbidden, RateLimited.
        """
        if row.roles is None:
            self._check(row.rate, self._household(scope), rate_headers)
            return None
        principal = await self._principal(scope)
        if Role.SERVICE not in principal.roles:
            self._check(row.rate, str(principal.account_id), rate_headers)
        if row.roles and row.roles.isdisjoint(principal.roles):
            raise Forbidden
        return principal

    async def _principal(self, scope: Scope) -> Principal:
        try:
            token = _bearer(scope)
            principal = await self._authenticator.verify(token)
            if self._revocations.is_revoked(principal, token):
                raise TokenInvalid
            return principal
        except Unauthenticated:
            # Checking signatures is work: who shows only bad tokens is held back by address.
            self._check(RateClass.PUBLIC, self._household(scope), [])
            raise

    def _household(self, scope: Scope) -> str:
        return throttle_key(client_address(scope, self._trusted))

    def _check(self, rate: RateClass, subject: str, rate_headers: Headers) -> None:
        allowance = self._limiter.take(rate, subject, at=time.monotonic())
        rate_headers.extend(allowance.headers)
        if allowance.retry_after_s:
            raise RateLimited(retry_after_s=allowance.retry_after_s)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why nothing is forwarded; what nobody has foreseen is recorded where it is answered."""

    error: Exception
    headers: Headers


class ForwardDoor:
    """What the table sends to a service. Everything else passes by, to the gateway's own routes.

    Stands outside the kit's request context; a refusal goes in, to be answered there.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        admission: Admission,
        forwarder: Forwarder,
        routes: Routes,
    ) -> None:
        self.app = app
        self._service = settings.service
        self._trusted = settings.trusted_proxies
        self._admission = admission
        self._forwarder = forwarder
        self._routes = routes
        self._origins: Mapping[Upstream, Origin] = {
            Upstream.AGENT: forwarder.origin(settings.agent_url),
            Upstream.MEMBER: forwarder.origin(settings.member_url),
            Upstream.PAYMENT: forwarder.origin(settings.payment_url),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        row = self._routes.find(scope["path"]) if scope["type"] == "http" else None
        if row is None or row.upstream is Upstream.GATEWAY:
            await self.app(scope, receive, send)
            return
        rate_headers: Headers = []
        passage = Passage(scope, send, route=row.path)
        try:
            principal = await self._admission.admit(scope, row, rate_headers)
            if principal is not None:
                passage.account_id = str(principal.account_id)
            await self._forward(scope, receive, row, passage, rate_headers)
        except ClientGone:
            pass
        except Exception as error:
            if passage.has_begun:
                passage.record(self._service)
                raise  # our own server cuts the answer
            scope["route"] = row
            scope.setdefault("state", {})["refusal"] = _Refusal(error, rate_headers)
            scope["headers"] = [(ID_HEADER, passage.request_id.encode()), *scope["headers"]]
            await self.app(scope, receive, send)
            return
        passage.record(self._service)

    async def _forward(
        self, scope: Scope, receive: Receive, row: Row, passage: Passage, rate_headers: Headers
    ) -> None:
        await self._forwarder.stream(
            scope,
            receive,
            passage.send,
            origin=self._origins[row.upstream],
            caller=Caller(
                address=client_address(scope, self._trusted),
                scheme=client_scheme(scope, self._trusted),
                request_id=passage.request_id,
            ),
            body_limit=row.body_limit,
            more_headers=rate_headers,
        )


class OwnDoor:
    """The gateway's own addresses under `/v1/`, and the refusals of what is not forwarded."""

    def __init__(self, app: ASGIApp, *, admission: Admission, routes: Routes) -> None:
        self.app = app
        self._admission = admission
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        refusal = scope["state"].get("refusal")
        if refusal is None:
            refusal = await self._enter(scope, receive, send)
        if refusal is not None:
            error = refusal.error
            problem = error if isinstance(error, DomainError) else unexpected_problem(error)
            answer = problem_response(Request(scope), problem)
            answer.raw_headers.extend(refusal.headers)
            await answer(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> _Refusal | None:
        rate_headers: Headers = []
        row = self._routes.find(scope["path"])
        try:
            if row is None:
                raise AddressUnknown
            principal = await self._admission.admit(scope, row, rate_headers)
        except DomainError as error:
            return _Refusal(error, rate_headers)
        if principal is not None:
            scope["state"]["principal"] = principal
            structlog.contextvars.bind_contextvars(account_id=str(principal.account_id))
        await self.app(scope, receive, _with_headers(send, rate_headers))
        return None


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return str(token.strip())
            break
    raise Unauthenticated


def _with_headers(send: Send, headers: Headers) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return send_more
