"""A running gateway, and sign-ins of staff, for measurements."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization

from bench.results import BenchError
from bench.stage import Stage
from gateway.edge.limits import RateClass
from sandbox.seed import SIGN_INS, create_admin

DATABASE = "gateway"
NO_LIMITS = json.dumps({each.value: 1_000_000_000 for each in RateClass})
"""Measurements are about the cost of a request, not about its admission."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Address of a running gateway."""

    url: str
    port: int

    def sign_in(self, username: str, password: str) -> str:
        """Return an access token. Raises: BenchError."""
        grant = {"grant_type": "password", "username": username, "password": password}
        return str(self._post("/v1/auth/token", grant)["access_token"])

    def make(self, path: str, content: Mapping[str, Any], *, token: str) -> Any:
        """Return the answer to a POST. Raises: BenchError."""
        # The same key each time, so that a later round gets the answer of the first.
        key = uuid.uuid5(uuid.NAMESPACE_URL, path)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(key)}
        return self._post(path, content, headers)

    def public_key(self, token: str) -> bytes:
        """Return the public key of a token, as PEM."""
        keys = httpx.get(f"{self.url}/.well-known/jwks.json", timeout=10, trust_env=False).json()
        kid = jwt.get_unverified_header(token)["kid"]
        found = next(each for each in jwt.PyJWKSet.from_dict(keys).keys if each.key_id == kid)
        pem: bytes = found.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    def _post(
        self, path: str, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Any:
        answer = httpx.post(
            f"{self.url}{path}",
            json=dict(content),
            headers=dict(headers or {}),
            timeout=30,
            trust_env=False,
        )
        if not answer.is_success:
            raise BenchError(f"POST {path} was answered {answer.status_code}")
        return answer.json()


@contextmanager
def run_gateway(
    stage: Stage, *, processes: int = 1, variables: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """Run the gateway without rate limits in the block; create its database if it is missing.

    variables: additional environment variables.
    """
    if not stage.has(DATABASE):
        stage.migrate("gateway")
        secrets, admin = stage.secrets.passwords, SIGN_INS[0].username
        create_admin(admin, secrets[admin], stage.environment("gateway", DATABASE))
    changed = {
        "PERISAI_GATEWAY_RATE_LIMITS": NO_LIMITS,
        "PERISAI_GATEWAY_REQUESTS_OF_ACCOUNT": "1000000",
        **(variables or {}),
    }
    with stage.run("gateway", database=DATABASE, processes=processes, variables=changed):
        service = stage.services["gateway"]
        yield Gateway(service.url, service.port)


def sign_in(stage: Stage, gateway: Gateway, username: str) -> str:
    """Return the access token of a staff account; create the account if it is missing.

    Raises: BenchError when a request is refused.
    """
    passwords = stage.secrets.passwords
    admin, *others = SIGN_INS
    admin_token = gateway.sign_in(admin.username, passwords[admin.username])
    if username == admin.username:
        return admin_token
    wanted = next(each for each in others if each.username == username)
    gateway.make(
        "/v1/accounts",
        {
            "username": username,
            "password": passwords[username],
            "display_label": wanted.label,
            "roles": [wanted.role],
            "scope": dict(wanted.scope),
            "reason": "An account to measure with.",
        },
        token=admin_token,
    )
    return gateway.sign_in(username, passwords[username])
