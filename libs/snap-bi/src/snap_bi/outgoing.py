"""Sign our requests to banks, over the exact bytes that are sent."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from snap_bi.endpoints import build_endpoint_url
from snap_bi.minify import hash_body
from snap_bi.profiles import Profile
from snap_bi.signing import (
    SignatureEncoding,
    build_asymmetric_string_to_sign,
    build_symmetric_string_to_sign,
    build_token_string_to_sign,
    encode_signature,
    sign_asymmetric,
    sign_symmetric,
)
from snap_bi.timestamps import format_timestamp
from snap_bi.verification import mask_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The signing side. `partner_id` is X-PARTNER-ID; the signature type needs key or secret."""

    client_id: str
    partner_id: str
    channel_id: str
    secret: str = ""
    private_key: RSAPrivateKey | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Headers to send, and the signed string with its token masked."""

    headers: dict[str, str]
    string_to_sign: str
    timestamp: str


def sign_token_request(
    *, client_id: str, private_key: RSAPrivateKey, profile: Profile, at: datetime
) -> SignedRequest:
    """Return the headers of a token request (service 73)."""
    timestamp = format_timestamp(at, profile.timestamp_format)
    text = build_token_string_to_sign(client_id=client_id, timestamp=timestamp)
    # Base64 in every profile: no bank is known to send RSA signatures in hex.
    signature = encode_signature(sign_asymmetric(text, private_key), SignatureEncoding.BASE64)
    headers = {
        "Content-Type": "application/json",
        "X-TIMESTAMP": timestamp,
        "X-CLIENT-KEY": client_id,
        "X-SIGNATURE": signature,
    }
    return SignedRequest(headers, text, timestamp)


def sign_transaction(
    profile: Profile,
    sender: Sender,
    *,
    target: str,
    body: bytes,
    at: datetime,
    external_id: str,
    token: str | None = None,
) -> SignedRequest:
    """Return the headers of a transaction, a POST. target: path and query as sent."""
    timestamp = format_timestamp(at, profile.timestamp_format)
    endpoint = build_endpoint_url(target, profile.query_rule)
    signature, shown = _sign(
        profile,
        sender,
        endpoint=endpoint,
        hashed=hash_body(body),
        timestamp=timestamp,
        token=token,
    )
    headers = {
        "Content-Type": "application/json",
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": encode_signature(signature, profile.signature_encoding),
        "X-PARTNER-ID": sender.partner_id,
        "X-EXTERNAL-ID": external_id,
        "CHANNEL-ID": sender.channel_id,
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return SignedRequest(headers, shown, timestamp)


def _sign(
    profile: Profile,
    sender: Sender,
    *,
    endpoint: str,
    hashed: str,
    timestamp: str,
    token: str | None,
) -> tuple[bytes, str]:
    if not profile.needs_token:
        if sender.private_key is None:
            raise ValueError("an asymmetric profile signs with a private key")
        text = build_asymmetric_string_to_sign(
            method="POST", endpoint=endpoint, body_hash=hashed, timestamp=timestamp
        )
        return sign_asymmetric(text, sender.private_key), text
    if token is None or not sender.secret:
        raise ValueError("a symmetric profile signs with a token and a secret")
    signed, shown = (
        build_symmetric_string_to_sign(
            method="POST", endpoint=endpoint, token=part, body_hash=hashed, timestamp=timestamp
        )
        for part in (token, mask_token(token))
    )
    return sign_symmetric(signed, sender.secret), shown
