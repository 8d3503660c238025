"""Bank partners to register, and a bank that answers whose an account is."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from perisai_kit.testing.plugin import Wire

HOST = "bank.test"


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def public_pem(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


@pytest.fixture(scope="session")
def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def new_partner(public_pem: str, private_pem: str) -> Callable[..., dict[str, Any]]:
    """Build a registration that can be called too; differences by field, None leaves one out."""

    def make(**differences: Any) -> dict[str, Any]:
        usual: dict[str, Any] = {
            "name": "Bank Uji",
            "profile": "generic-hmac",
            "company_code": "88001",
            "bank_code": "999",
            "public_key_pem": public_pem,
            "outbound": {
                "base_url": f"https://{HOST}",
                "client_id": "perisai",
                "client_secret": "s" * 40,
                "private_key_pem": private_pem,
                "x_partner_id": "PERISAI",
            },
        }
        whole = {**usual, **differences}
        return {name: value for name, value in whole.items() if value is not None}

    return make


class FakeBank:
    """Answers for accounts as a test has set, and records the requests."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.failure: httpx.Response | Exception | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content)
        path = request.url.path.removeprefix("/snap/v1.0")
        if path == "/access-token/b2b":
            given = {"accessToken": "a-token", "tokenType": "Bearer", "expiresIn": "900"}
            return httpx.Response(200, json={"responseCode": "2007300", **given})
        self.asked.append((path, message))
        if isinstance(self.failure, Exception):
            raise self.failure
        return self.failure or self._answer(path, message)

    def _answer(self, path: str, message: dict[str, Any]) -> httpx.Response:
        service = "15" if path.endswith("internal") else "16"
        name = self.names.get(message["beneficiaryAccountNo"])
        if name is None:
            refused = {"responseCode": f"404{service}11", "responseMessage": "Invalid Account"}
            return httpx.Response(404, json=refused)
        found = {
            "responseCode": f"200{service}00",
            "responseMessage": "Successful",
            "beneficiaryAccountName": name,
            "beneficiaryAccountNo": message["beneficiaryAccountNo"],
        }
        return httpx.Response(200, json=found)


@pytest.fixture
def fake_bank(wire: Wire) -> FakeBank:
    bank = FakeBank()
    wire.answer(HOST, bank)
    return bank
