"""Read the headers of SNAP requests: presence, length, format."""

import re
from collections.abc import Mapping
from datetime import datetime

from snap_bi.errors import FieldProblem, ProblemKind, TimestampInvalid
from snap_bi.profiles import ExternalIdFormat
from snap_bi.records import record
from snap_bi.timestamps import parse_timestamp
from snap_bi.verification import parse_bearer_token

# An RSA-4096 signature in hex has 1024 characters; no valid one is longer.
_SIGNATURE_LENGTH = 1024
_CLIENT_KEY_LENGTH = 128
_TIMESTAMP_LENGTH = 35
_PARTNER_ID_LENGTH = 36
_CHANNEL_ID_LENGTH = 5
_EXTERNAL_ID_LENGTH = 36
_NUMBER = re.compile(r"[0-9]{1,36}")
_OF_TOKEN_REQUEST = {name: name.lower() for name in ("X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE")}
_OF_TRANSACTION = {
    name: name.lower()
    for name in ("X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
}


@record(kw_only=True)
class TokenHeaders:
    timestamp: str
    at: datetime
    client_key: str
    signature: str


@record(kw_only=True)
class TransactionHeaders:
    """Headers of services 24 and 25.

    `timestamp` is the received text, which is signed; `at` is its instant. `channel_id` is None
    when it is malformed: it is not used, so it is no reason for a refusal.
    """

    timestamp: str
    at: datetime
    signature: str
    partner_id: str
    external_id: str
    channel_id: str | None
    token: str | None


def read_token_headers(headers: Mapping[str, str]) -> TokenHeaders:
    """Read the headers of service 73 from a mapping with lower-case or case-insensitive names.

    Raises: FieldProblem; missing headers are reported before malformed ones.
    """
    timestamp, client_key, signature = _require(headers, _OF_TOKEN_REQUEST)
    return TokenHeaders(
        timestamp=timestamp,
        at=_parse_instant(timestamp),
        client_key=_check_visible(client_key, "X-CLIENT-KEY", _CLIENT_KEY_LENGTH),
        signature=_check_visible(signature, "X-SIGNATURE", _SIGNATURE_LENGTH),
    )


def read_transaction_headers(
    headers: Mapping[str, str], *, external_id_format: ExternalIdFormat = ExternalIdFormat.NUMERIC
) -> TransactionHeaders:
    """Read the headers of 24 and 25 from a mapping with lower-case or case-insensitive names.

    A missing Authorization is not reported here: it is 401xx01, or valid in an asymmetric profile.
    Raises: FieldProblem; missing headers are reported before malformed ones.
    """
    timestamp, signature, partner_id, external_id, channel_id = _require(headers, _OF_TRANSACTION)
    at = _parse_instant(timestamp)
    if not is_external_id(external_id, external_id_format):
        raise build_external_id_problem()
    return TransactionHeaders(
        timestamp=timestamp,
        at=at,
        signature=_check_visible(signature, "X-SIGNATURE", _SIGNATURE_LENGTH),
        partner_id=_check_visible(partner_id, "X-PARTNER-ID", _PARTNER_ID_LENGTH),
        external_id=external_id,
        channel_id=channel_id if _is_visible(channel_id, _CHANNEL_ID_LENGTH) else None,
        token=parse_bearer_token(headers.get("authorization")),
    )


def is_external_id(text: str, form: ExternalIdFormat) -> bool:
    """Return whether an X-EXTERNAL-ID has this format."""
    if form is ExternalIdFormat.TEXT36:
        return _is_visible(text, _EXTERNAL_ID_LENGTH)
    return _NUMBER.fullmatch(text) is not None


def build_external_id_problem() -> FieldProblem:
    """Return the problem of an X-EXTERNAL-ID in another format."""
    return FieldProblem(ProblemKind.FORMAT, "X-EXTERNAL-ID")


def _require(headers: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """Return the values of headers. names: as they are reported, and in lower case."""
    found = []
    for name, key in names.items():
        value = headers.get(key, "").strip(" \t")  # what HTTP allows around a value
        if not value:
            raise FieldProblem(ProblemKind.MISSING, name)
        found.append(value)
    return found


def _parse_instant(text: str) -> datetime:
    try:
        return parse_timestamp(text[: _TIMESTAMP_LENGTH + 1])
    except TimestampInvalid as error:
        raise FieldProblem(ProblemKind.FORMAT, "X-TIMESTAMP") from error


def _check_visible(text: str, name: str, length: int) -> str:
    if not _is_visible(text, length):
        raise FieldProblem(ProblemKind.FORMAT, name)
    return text


def _is_visible(text: str, length: int) -> bool:
    is_short = 0 < len(text) <= length
    return is_short and text.isascii() and text.isprintable() and " " not in text
