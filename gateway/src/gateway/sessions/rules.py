"""Refresh tokens: their format, and the meaning of presenting one."""

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway.sign_ins.rules import AccountNotOffered
from perisai_kit.domain.errors import (
    BadRequest,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
)

SECRET_BYTES = 32
SALT_BYTES = 16
REPEATABLE_FOR = timedelta(days=7)
"""A village may be without a network for days after a request was sent."""
_ID_BYTES = 16
_GENERATION_BYTES = 4
_TAG_BYTES = 16
_LENGTH = _ID_BYTES + _GENERATION_BYTES + SECRET_BYTES + _TAG_BYTES


class ClientRefused(Unauthenticated):
    code = "client_refused"
    text = "The client id or the client secret is wrong."
    text_id = "ID klien atau kunci rahasianya salah."


class RefreshRefused(Unauthenticated):
    code = "refresh_token_invalid"
    text = "Your session has ended. Sign in again."
    text_id = "Sesi Anda sudah berakhir. Silakan masuk lagi."


class RefreshReused(Unauthenticated):
    code = "refresh_token_reused"
    text = "This refresh token was already used, so your session was ended. Sign in again."
    text_id = "Token ini sudah pernah dipakai, jadi sesi Anda diakhiri. Silakan masuk lagi."


def oauth_error(error: DomainError) -> str | None:
    """Return what an OAuth client calls a refusal; None for what it is no part of.

    Source: RFC 6749 5.2.
    """
    match error:
        case ClientRefused():
            return "invalid_client"
        case Unauthenticated() | Forbidden() | AccountNotOffered():
            return "invalid_grant"
        case Invalid() | BadRequest():
            return "invalid_request"
        case _:
            return None


def oauth_form_error(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return what an OAuth client calls a form with these errors of its fields."""
    has_unknown_grant = any(each.get("ctx", {}).get("tag") for each in errors)
    return "unsupported_grant_type" if has_unknown_grant else "invalid_request"


class SessionNotFound(NotFound):
    code = "session_not_found"
    text = "You have no such session."
    text_id = "Sesi ini tidak ditemukan."


class EndReason(StrEnum):
    REVOKED = "revoked"
    REUSED = "reused"
    OTHER_DEVICE = "other_device"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The content of a refresh token. generation: how many came before it in its session."""

    session_id: uuid.UUID
    generation: int
    secret: bytes

    @property
    def body(self) -> bytes:
        counter = self.generation.to_bytes(_GENERATION_BYTES, "big")
        return self.session_id.bytes + counter + self.secret


def encode(token: RefreshToken, tag: bytes) -> str:
    """Return the text of a token. tag: keyed hash of the body; its first 16 bytes are used."""
    return base64.urlsafe_b64encode(token.body + tag[:_TAG_BYTES]).decode().rstrip("=")


def decode(text: str) -> tuple[RefreshToken, bytes] | None:
    """Return the token of a text and its unverified tag; None for another format."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _LENGTH:
        return None
    session_id, rest = uuid.UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:]
    generation = int.from_bytes(rest[:_GENERATION_BYTES], "big")
    secret = rest[_GENERATION_BYTES : _GENERATION_BYTES + SECRET_BYTES]
    return RefreshToken(session_id, generation, secret), rest[-_TAG_BYTES:]


def is_genuine(given_tag: bytes, expected: bytes) -> bool:
    """Tell whether a tag is ours."""
    return hmac.compare_digest(given_tag, expected[:_TAG_BYTES])


class Verdict(StrEnum):
    ROTATE = "rotate"
    REPEAT = "repeat"
    """The answer to the last refresh was lost: return the same successor again."""
    REUSED = "reused"
    OTHER_DEVICE = "other_device"
    DEVICE_MISSING = "device_missing"


@dataclass(frozen=True, slots=True)
class Family:
    """The stored data about the tokens of a session."""

    current_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    device_id: str | None


def judge(family: Family, *, token_hash: bytes, device_id: str | None, now: datetime) -> Verdict:
    """Decide what a genuine token of a living session means.

    The previous token is accepted again from the same device for `REPEATABLE_FOR`. Its successor is
    still unused then, so the answer was probably lost. After the successor was used, or from
    another device, an old token means that two parties hold the session.
    """
    if hmac.compare_digest(token_hash, family.current_hash):
        if family.device_id is None or family.device_id == device_id:
            return Verdict.ROTATE
        return Verdict.DEVICE_MISSING if device_id is None else Verdict.OTHER_DEVICE
    is_previous = family.previous_hash is not None and hmac.compare_digest(
        token_hash, family.previous_hash
    )
    in_time = family.rotated_at is not None and now - family.rotated_at <= REPEATABLE_FOR
    if is_previous and in_time and device_id == family.device_id:
        return Verdict.REPEAT
    return Verdict.REUSED


def is_over(
    *,
    created_at: datetime,
    expires_at: datetime,
    ended_at: datetime | None,
    valid_from: datetime | None,
    now: datetime,
) -> bool:
    """Tell whether a session has ended. valid_from: the account's; older sessions are over."""
    if ended_at is not None or now >= expires_at:
        return True
    return valid_from is not None and created_at < valid_from


def find_token_life(usual_s: int, *, wadah_ends_at: datetime | None, now: datetime) -> int:
    """Return how many seconds an access token lives.

    It ends before the agent belongs to another wadah, because it names the wadah of now.
    wadah_ends_at: when the agent's planned move begins.
    """
    if wadah_ends_at is None:
        return usual_s
    return max(1, min(usual_s, int((wadah_ends_at - now).total_seconds())))
