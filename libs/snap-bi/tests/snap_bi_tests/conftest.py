from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from snap_bi_tests.bank import Bank, Connect, make_client

from snap_bi.disbursement import DisbursementClient
from snap_bi.profiles import GENERIC_HMAC, Profile


@pytest.fixture(scope="session")
def private_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 10, 8, 3, 0, 0, tzinfo=UTC)


@pytest.fixture
def connect(private_key: RSAPrivateKey, now: datetime) -> Connect:
    """Return what makes the client of a bank for transfers."""

    def connect_to(
        bank: Bank, profile: Profile = GENERIC_HMAC, *, partner_id: str | None = None
    ) -> DisbursementClient:
        client = make_client(bank, profile, private_key, now)
        return DisbursementClient(client, partner_id=partner_id)

    return connect_to
