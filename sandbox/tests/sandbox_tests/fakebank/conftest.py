"""The files a bank is started with; every profile has a partner."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

COMPANY_CODES = {"generic-hmac": "11111", "generic-rsa": "22222", "bca": "33333", "bri": "44444"}


@pytest.fixture(scope="session")
def bank_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def our_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def config(tmp_path: Path, bank_key: RSAPrivateKey, our_key: RSAPrivateKey) -> Path:
    """The file that seeding writes. Secrets: `theirs` signs towards us, `ours` towards them."""
    private = bank_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "bank.pem").write_bytes(private)
    public = our_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "ours.pub.pem").write_bytes(public)
    path = tmp_path / "fakebank.json"
    path.write_text(json.dumps([_entry(name, code) for name, code in COMPANY_CODES.items()]))
    return path


def _entry(profile: str, company_code: str) -> dict[str, str]:
    return {
        "partner_id": f"partner-{profile}",
        "profile": profile,
        "company_code": company_code,
        "client_id": f"client-{profile}",
        "client_secret": "theirs",
        "private_key_file": "bank.pem",
        "our_public_key_file": "ours.pub.pem",
        "our_client_id": f"us-at-{profile}",
        "our_client_secret": "ours",
        "gateway_base_url": "http://gateway.test/base",
    }
