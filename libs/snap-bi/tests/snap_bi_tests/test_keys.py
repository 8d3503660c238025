from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from snap_bi.errors import KeyRefused
from snap_bi.keys import load_private_key, load_public_key


def list_forms(pem: str) -> list[str]:
    inner = "".join(pem.strip().splitlines()[1:-1])
    return [
        pem,
        pem.replace("\n", "\\n"),
        pem.replace("\n", "\r\n"),
        pem.replace("\n", " "),
        f'"{pem}"',
        "\ufeff" + pem,
        inner,
    ]


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("shape", range(7))
def test_private_key_is_read_in_every_shape_banks_use(
    private_key: RSAPrivateKey, form: PrivateFormat, shape: int
) -> None:
    pem = private_key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    key = load_private_key(list_forms(pem)[shape])

    assert key.private_numbers() == private_key.private_numbers()


@pytest.mark.parametrize("form", [PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo])
@pytest.mark.parametrize("shape", range(7))
def test_public_key_is_read_in_every_shape_banks_use(
    private_key: RSAPrivateKey, form: PublicFormat, shape: int
) -> None:
    pem = private_key.public_key().public_bytes(Encoding.PEM, form).decode()

    key = load_public_key(list_forms(pem)[shape].encode())

    assert key.public_numbers() == private_key.public_key().public_numbers()


def test_certificate_gives_its_public_key(private_key: RSAPrivateKey) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bank.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(private_key, hashes.SHA256())
    )

    key = load_public_key(certificate.public_bytes(Encoding.PEM))

    assert key.public_numbers() == private_key.public_key().public_numbers()


def test_short_key_is_refused_unless_allowed() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    private = short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(KeyRefused, match="1024"):
        load_private_key(private)
    with pytest.raises(KeyRefused, match="1024"):
        load_public_key(public)
    assert load_private_key(private, allow_short=True).key_size == 1024
    assert load_public_key(public, allow_short=True).key_size == 1024


def test_key_of_another_algorithm_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())

    with pytest.raises(KeyRefused, match="not an RSA key"):
        load_private_key(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyRefused, match="not an RSA key"):
        load_public_key(
            other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )


def test_encrypted_key_is_refused_by_its_name(private_key: RSAPrivateKey) -> None:
    encrypted = private_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"password")
    )

    with pytest.raises(KeyRefused, match="encrypted"):
        load_private_key(encrypted)


@pytest.mark.parametrize("text", ["", "garbage", "AAAA", "é", "-----BEGIN X-----"])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        load_private_key(text)
    with pytest.raises(KeyRefused):
        load_public_key(text)
