"""The gateway in front of what is measured, and staff who have signed in there."""

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
"""What is measured is the work of each request, not how many are let in."""


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway that runs."""

    url: str
    port: int

    def sign_in(self, username: str, password: str) -> str:
        """Return an access token. Raises: BenchError."""
        grant = {"grant_type": "password", "username": username, "password": password}
        return str(self._post("/v1/auth/token", grant)["access_token"])

    def make(self, path: str, content: Mapping[str, Any], *, token: str) -> Any:
        """Return the answer to a POST. Raises: BenchError."""
        # The same key each time: what was made in an earlier round is answered again.
        key = uuid.uuid5(uuid.NAMESPACE_URL, path)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(key)}
        return self._post(path, content, headers)

    def public_key(self, token: str) -> bytes:
        """Return the key that proves a token, as PEM."""
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
def open_door(
    stage: Stage, *, processes: int = 1, variables: Mapping[str, str] | None = None
) -> Iterator[Door]:
    """Run the gateway without rate limits while the block lasts; the first time with its database.

    variables: of its environment.
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
        yield Door(service.url, service.port)


def sign_in(stage: Stage, door: Door, username: str) -> str:
    """Return the access token of somebody of the staff; the account is made where there is none.

    Raises: BenchError.
    """
    passwords = stage.secrets.passwords
    admin, *others = SIGN_INS
    admin_token = door.sign_in(admin.username, passwords[admin.username])
    if username == admin.username:
        return admin_token
    wanted = next(each for each in others if each.username == username)
    door.make(
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
    return door.sign_in(username, passwords[username])
