"""Doubles for tests: tokens signed as by the gateway, and the network between services."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from perisai_kit.auth.principal import Principal, Role, Scope, build_claims
from perisai_kit.auth.tokens import AUDIENCE, TOKEN_TYPE
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

ISSUER = "https://perisai.test"
GATEWAY = "http://gateway"


class Tokens:
    """Signs tokens like the gateway, with a key made for this run."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.kid = "test-key"

    def jwks(self) -> dict[str, Any]:
        public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(
            self._key.public_key(), as_dict=True
        )
        return {"keys": [{**public, "kid": self.kid, "alg": "ES256", "use": "sig"}]}

    def sign(self, claims: dict[str, Any], *, life_s: int = 600) -> str:
        issued = int(clock.real_now().timestamp())
        whole = {"iss": ISSUER, "aud": AUDIENCE, "iat": issued, "exp": issued + life_s, **claims}
        return self.encode(whole)

    def encode(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a token with exactly these claims. header: overrides its header."""
        head = {"typ": TOKEN_TYPE, "kid": self.kid, **header}
        return jwt.encode(claims, self._key, algorithm="ES256", headers=head)

    def make(self, *roles: Role, life_s: int = 600, **more: Any) -> dict[str, str]:
        """Return the Authorization header of a principal: `tokens.make(Role.AGENT, agent_id=…)`."""
        scope = more.pop("scope", None)
        principal = Principal(
            account_id=more.pop("account_id", None) or new_id(),
            roles=frozenset(roles),
            scope=scope if isinstance(scope, Scope) or scope is None else Scope(**scope),
            **more,
        )
        return {"Authorization": f"Bearer {self.sign(build_claims(principal), life_s=life_s)}"}

    def service(self, client_id: str = "payment-service") -> dict[str, str]:
        account_id = uuid.uuid5(uuid.NAMESPACE_URL, client_id)
        return self.make(Role.SERVICE, client_id=client_id, account_id=account_id)


class Wire(httpx.AsyncBaseTransport):
    """The network between services in one process: each host is an app or a transport."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._gateway_paths: dict[str, Callable[[httpx.Request], httpx.Response]] = {}
        self._hosts: dict[str, httpx.AsyncBaseTransport] = {
            "gateway": httpx.MockTransport(self._gateway)
        }

    def mount(self, host: str, to: FastAPI | httpx.AsyncBaseTransport) -> None:
        if isinstance(to, FastAPI):
            to = httpx.ASGITransport(app=to, raise_app_exceptions=False)
        self._hosts[host] = to

    def answer_at_gateway(
        self, path: str, handler: Callable[[httpx.Request], httpx.Response]
    ) -> None:
        """Answer requests to one address of the gateway, which still gives tokens and keys."""
        self._gateway_paths[path] = handler

    def answer(self, host: str, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        """Answer requests to a host with a function."""
        self._hosts[host] = httpx.MockTransport(handler)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._hosts.get(request.url.host)
        if transport is None:
            raise httpx.ConnectError(f"nothing listens at {request.url.host}", request=request)
        return await transport.handle_async_request(request)

    def _gateway(self, request: httpx.Request) -> httpx.Response:
        if handler := self._gateway_paths.get(request.url.path):
            return handler(request)
        if request.url.path == "/.well-known/jwks.json":
            return httpx.Response(200, json=self._tokens.jwks())
        if request.url.path == "/v1/revocations":
            nothing: dict[str, Any] = {"accounts": [], "sessions": []}
            as_of = clock.real_now().isoformat()
            return httpx.Response(200, json={"as_of": as_of, "kept_for_s": 660, **nothing})
        header = self._tokens.service("test-service")["Authorization"]
        token = {"access_token": header.removeprefix("Bearer "), "expires_in": 600}
        return httpx.Response(200, json=token)
