"""The files a bank is started with; every profile has a partner."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from stage.bank_files import make_key, write_bank_files

COMPANY_CODES = {"generic-hmac": "11111", "generic-rsa": "22222", "bca": "33333", "bri": "44444"}


@pytest.fixture(scope="session")
def bank_key() -> RSAPrivateKey:
    return make_key()


@pytest.fixture(scope="session")
def our_key() -> RSAPrivateKey:
    return make_key()


@pytest.fixture
def config(tmp_path: Path, bank_key: RSAPrivateKey, our_key: RSAPrivateKey) -> Path:
    return write_bank_files(
        tmp_path,
        bank_key=bank_key,
        our_key=our_key,
        company_codes=COMPANY_CODES,
        bank_codes={},
        gateway_url="http://gateway.test/base",
    )
