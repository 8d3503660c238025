"""The sandbox's secrets: generated once, in private files."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.errors import OlderSandbox, SandboxError
from snap_bi.profiles import GENERIC_HMAC, PROFILES

RSA_BITS = 2048
"""The minimum of SNAP BI. Source: docs/snap.md, keys."""
SERVICES = ("gateway", "agent", "member", "payment")
SIGN_INS = ("admin", "officer1", "officer2", "finance1", "finance2", "auditor", "country")
WADAH_SIGN_INS = ("wadah1", "wadah2")
ENGINEER_SIGN_IN = "bank1"
"""Of the engineer of the first bank. A sandbox from before gets a password for it."""


class ServiceSecrets(BaseModel):
    model_config = ConfigDict(frozen=True)

    data_keys: str
    lookup_key: str
    client_secret: str


class BankSecrets(BaseModel):
    """`client_*`: how the bank signs in to us; `outbound_*`: how we sign in to the bank."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    client_secret: str
    outbound_client_id: str
    outbound_client_secret: str


class Secrets(BaseModel):
    model_config = ConfigDict(frozen=True)

    services: dict[str, ServiceSecrets]
    passwords: dict[str, str]
    """The passwords of staff and wadahs, by username."""
    banks: dict[str, BankSecrets]
    """The secrets of the sandbox's banks, by profile."""

    @classmethod
    def make(cls) -> Self:
        return cls(
            services={name: _make_service_secrets() for name in SERVICES},
            passwords={
                name: secrets.token_urlsafe(18)
                for name in (*SIGN_INS, *WADAH_SIGN_INS, ENGINEER_SIGN_IN)
            },
            banks={profile: _make_bank_secrets() for profile in PROFILES},
        )


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The two RSA key pairs of a bank partner: ours, and the bank's, which only a sandbox has."""

    bank_private: Path
    bank_public: Path
    our_private: Path
    our_public: Path


def load_secrets(folder: Path) -> Secrets:
    """Return the secrets of a sandbox, generated if it has none.

    Raises: SandboxError for an invalid file, OlderSandbox.
    """
    path = folder / "secrets.json"
    if not path.exists():
        save_secrets(folder, Secrets.make())
    try:
        found = Secrets.model_validate_json(path.read_text())
    except ValidationError:
        raise SandboxError(
            f"{path} is damaged; without it {folder} is lost: remove both."
        ) from None
    if not found.passwords.keys() >= {*SIGN_INS, *WADAH_SIGN_INS}:
        raise OlderSandbox(folder)
    banks = {profile: _make_bank_secrets() for profile in PROFILES.keys() - found.banks.keys()}
    passwords = {
        name: secrets.token_urlsafe(18) for name in {ENGINEER_SIGN_IN} - found.passwords.keys()
    }
    if banks or passwords:
        more = {"banks": found.banks | banks, "passwords": found.passwords | passwords}
        found = found.model_copy(update=more)
        save_secrets(folder, found)
    return found


def save_secrets(folder: Path, secrets: Secrets) -> None:
    """Store the secrets of a sandbox."""
    write_private(folder / "secrets.json", secrets.model_dump_json(indent=1))


def make_data_key(kid: str) -> str:
    """Return a new data key as the variables of a service name it."""
    return f"{kid}:{_make_key()}"


def load_bank_keys(folder: Path, profile: str = GENERIC_HMAC.name) -> KeyFiles:
    """Return the key files of the bank with this profile, generated if it has none.

    Each bank has its own pair; ours is the same for all.
    """
    keys = folder / "bank"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = "bank" if profile == GENERIC_HMAC.name else profile
    files = KeyFiles(
        bank_private=keys / f"{name}-private.pem",
        bank_public=keys / f"{name}-public.pem",
        our_private=keys / "our-private.pem",
        our_public=keys / "our-public.pem",
    )
    _ensure_pair(files.bank_private, files.bank_public)
    _ensure_pair(files.our_private, files.our_public)
    return files


def write_private(path: Path, text: str) -> None:
    """Write a private file atomically."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def write_private_json(path: Path, content: object) -> None:
    """Write JSON as `write_private` does."""
    write_private(path, json.dumps(content, indent=1) + "\n")


def _make_service_secrets() -> ServiceSecrets:
    return ServiceSecrets(
        data_keys=make_data_key("k1"),
        lookup_key=_make_key(),
        client_secret=secrets.token_urlsafe(36),
    )


def _make_bank_secrets() -> BankSecrets:
    return BankSecrets(
        client_id=f"sandbox-bank-{secrets.token_hex(4)}",
        client_secret=secrets.token_urlsafe(36),
        outbound_client_id=f"perisai-{secrets.token_hex(4)}",
        outbound_client_secret=secrets.token_urlsafe(36),
    )


def _make_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _ensure_pair(private: Path, public: Path) -> None:
    if not private.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_private(private, text.decode())
        public.unlink(missing_ok=True)
    if not public.exists():
        loaded = serialization.load_pem_private_key(private.read_bytes(), password=None)
        pem = loaded.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(public, pem.decode())
