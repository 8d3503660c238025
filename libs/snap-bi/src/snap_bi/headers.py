"""The headers of SNAP calls: presence, length, shape."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from snap_bi.errors import FieldProblem, ProblemKind, TimestampInvalid
from snap_bi.timestamps import parse_timestamp
from snap_bi.verification import parse_bearer_token

# An RSA-4096 signature in hex has 1024 characters; nothing lawful is longer.
_SIGNATURE_LENGTH = 1024
_CLIENT_KEY_LENGTH = 128
_TIMESTAMP_LENGTH = 35
_PARTNER_ID_LENGTH = 36
_CHANNEL_ID_LENGTH = 5
_EXTERNAL_ID = re.compile(r"[0-9]{1,36}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHeaders:
    timestamp: str
    at: datetime
    client_key: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionHeaders:
    """`timestamp` is the text as received, to be signed; `at` the instant it names.

    channel_id: None where it came badly formed: nobody reads it, so it refuses nothing.
    """

    timestamp: str
    at: datetime
    signature: str
    partner_id: str
    external_id: str
    channel_id: str | None
    token: str | None


def read_token_headers(headers: Mapping[str, str]) -> TokenHeaders:
    """Read the headers of service 73 from a mapping with lower-case or case-blind names.

    Raises: FieldProblem, missing before badly formed.
    """
    names = ("X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE")
    timestamp, client_key, signature = _present(headers, names)
    return TokenHeaders(
        timestamp=timestamp,
        at=_instant(timestamp),
        client_key=_visible(client_key, "X-CLIENT-KEY", _CLIENT_KEY_LENGTH),
        signature=_visible(signature, "X-SIGNATURE", _SIGNATURE_LENGTH),
    )


def read_transaction_headers(headers: Mapping[str, str]) -> TransactionHeaders:
    """Read the headers of 24 and 25 from a mapping with lower-case or case-blind names.

    A missing Authorization is not a problem here: it is 401xx01, or right for an asymmetric
    profile.
    Raises: FieldProblem, missing before badly formed.
    """
    names = ("X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
    timestamp, signature, partner_id, external_id, channel_id = _present(headers, names)
    at = _instant(timestamp)
    if _EXTERNAL_ID.fullmatch(external_id) is None:
        raise FieldProblem(ProblemKind.FORMAT, "X-EXTERNAL-ID")
    return TransactionHeaders(
        timestamp=timestamp,
        at=at,
        signature=_visible(signature, "X-SIGNATURE", _SIGNATURE_LENGTH),
        partner_id=_visible(partner_id, "X-PARTNER-ID", _PARTNER_ID_LENGTH),
        external_id=external_id,
        channel_id=channel_id if _is_visible(channel_id, _CHANNEL_ID_LENGTH) else None,
        token=parse_bearer_token(headers.get("authorization")),
    )


def _present(headers: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    found = [headers.get(name.lower(), "").strip() for name in names]
    for name, value in zip(names, found, strict=True):
        if not value:
            raise FieldProblem(ProblemKind.MISSING, name)
    return found


def _instant(text: str) -> datetime:
    try:
        return parse_timestamp(text[: _TIMESTAMP_LENGTH + 1])
    except TimestampInvalid as error:
        raise FieldProblem(ProblemKind.FORMAT, "X-TIMESTAMP") from error


def _visible(text: str, name: str, length: int) -> str:
    if not _is_visible(text, length):
        raise FieldProblem(ProblemKind.FORMAT, name)
    return text


def _is_visible(text: str, length: int) -> bool:
    return len(text) <= length and _VISIBLE.fullmatch(text) is not None
