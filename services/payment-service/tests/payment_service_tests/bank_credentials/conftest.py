"""An active bank, and two finance officers of the country who replace its credentials."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from payment_service_tests.bank_credentials.desk import Desk
from payment_service_tests.partner_bank import Bank

from perisai_kit.testing.plugin import Tokens


@pytest.fixture
def partner_cache_s() -> float:
    return 0


@pytest.fixture(scope="session")
def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def new_key_pem(new_key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return new_key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


@pytest.fixture
def desk(snap_client: httpx.AsyncClient, tokens: Tokens) -> Desk:
    return Desk(snap_client, tokens)


Renew = Callable[..., Bank]


@pytest.fixture
def renew() -> Renew:
    """Return a bank that has changed its systems, without a token: `renew(bank, key=...)`."""

    def renewed(bank: Bank, **differences: Any) -> Bank:
        return replace(bank, **{"token": "", **differences})

    return renewed
