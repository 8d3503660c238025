"""The files that a fake bank is started with."""

import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def make_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def to_pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_bank_files(
    folder: Path,
    *,
    bank_key: RSAPrivateKey,
    our_key: RSAPrivateKey,
    company_codes: Mapping[str, str],
    bank_codes: Mapping[str, str | None],
    gateway_url: str,
) -> Path:
    """Write the file that seeding writes, and its keys; return it.

    `theirs` is the secret that signs towards us, `ours` the one that signs towards them.
    company_codes, bank_codes: by profile; each profile of the first one is a partner.
    """
    (folder / "bank.pem").write_bytes(to_pem(bank_key))
    public = our_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "ours.pub.pem").write_bytes(public)
    entries = [
        {
            "partner_id": f"partner-{profile}",
            "profile": profile,
            "company_code": company_code,
            "bank_code": bank_codes.get(profile),
            "client_id": f"client-{profile}",
            "client_secret": "theirs",
            "private_key_file": "bank.pem",
            "our_public_key_file": "ours.pub.pem",
            "our_client_id": f"us-at-{profile}",
            "our_client_secret": "ours",
            "gateway_base_url": gateway_url,
        }
        for profile, company_code in company_codes.items()
    ]
    path = folder / "fakebank.json"
    path.write_text(json.dumps(entries))
    return path
