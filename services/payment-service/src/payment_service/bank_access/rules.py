"""Which bank calls, and whether it may: decisions without a database.

The order of the checks is that of docs/snap.md: source address, headers, token, timestamp,
signature.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Generic, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payment_service.banks.rules import Sources
from snap_bi.codes import Case, Service, find_case
from snap_bi.errors import FieldProblem
from snap_bi.headers import (
    TokenHeaders,
    TransactionHeaders,
    build_external_id_problem,
    is_external_id,
    read_token_headers,
    read_transaction_headers,
)
from snap_bi.profiles import ExternalIdFormat, Profile, ReplayAnswer
from snap_bi.records import record
from snap_bi.timestamps import is_within_skew
from snap_bi.verification import (
    SignedParts,
    parse_bearer_token,
    verify_asymmetric_request,
    verify_symmetric_request,
    verify_token_request,
)
from snap_bi.verification import (
    Verdict as SignatureVerdict,
)

TARGET_LENGTH = 500
SOURCE_LENGTH = 45
NOT_ADMITTED = "Connection not allowed"


Value = TypeVar("Value")


class CallbackCheck(StrEnum):
    """At which check a request was refused before its message was looked at."""

    SOURCE = "source"
    HEADERS = "headers"
    TOKEN = "token"
    CLIENT = "client"
    TIMESTAMP = "timestamp"
    SIGNATURE = "signature"
    GRANT = "grant"  # the body of a call for a token


class Refusal(Exception):
    """Answered to the bank as a case of the standard.

    detail: a field name or a fixed word; never a received value.
    """

    def __init__(self, case: Case, detail: str | None = None) -> None:
        super().__init__(case.name)
        self.case = case
        self.detail = detail


@record(slots=False)
class Wire:
    """A request as it came: the raw target and body; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    source: str | None

    @cached_property
    def token_digest(self) -> bytes | None:
        """What is kept of its bearer token; None if it has none."""
        token = parse_bearer_token(self.headers.get("authorization"))
        return None if token is None else token_hash(token)


@dataclass(frozen=True, slots=True)
class Previous(Generic[Value]):
    """A credential that was replaced. until: the end of its validity, in real time."""

    value: Value = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class PartnerClient:
    """The bank client of a partner: what its calls are checked against.

    A suspended partner has one too, so that its calls are refused with the right answer.
    bank_time_tolerance: how far its time of a payment may be off; None if it is not trusted.
    keeps_refused_money: what no bill takes goes to suspense, because it cannot give it back.
    external_id_format: of its X-EXTERNAL-IDs.
    previous_secret, previous_key: those before the present ones; see `with_previous`.
    """

    partner_id: UUID
    profile: Profile
    company_code: str
    client_id: str
    client_secret: str = field(repr=False)
    public_key: RSAPublicKey
    sources: Sources
    replay_answer: ReplayAnswer
    is_active: bool
    bank_time_tolerance: timedelta | None
    keeps_refused_money: bool
    external_id_format: ExternalIdFormat = ExternalIdFormat.NUMERIC
    previous_secret: Previous[str] | None = None
    previous_key: Previous[RSAPublicKey] | None = None

    @property
    def ids(self) -> tuple[str, str]:
        """What X-PARTNER-ID may say: banks send the client id or the company code."""
        return (self.client_id, self.company_code)

    def with_previous(self, at: datetime) -> "PartnerClient | None":
        """Return this client with the replaced credentials that are valid at this instant."""
        secret = _read_valid(self.previous_secret, at)
        key = _read_valid(self.previous_key, at)
        if secret is None and key is None:
            return None
        return replace(
            self,
            client_secret=self.client_secret if secret is None else secret,
            public_key=self.public_key if key is None else key,
        )


def check_source(service: Service, source: str | None, clients: Iterable[PartnerClient]) -> None:
    """Refuse an address from which none of these clients may call.

    Without clients nothing is refused here: a later check refuses an unknown client.
    Raises: Refusal.
    """
    is_known = False
    for client in clients:
        is_known = True
        if client.sources.admit(source):
            return
    if is_known:
        if service is Service.ACCESS_TOKEN:
            raise Refusal(Case.BAD_REQUEST, NOT_ADMITTED)  # 4007300 is what banks expect here
        raise Refusal(Case.UNAUTHORIZED, NOT_ADMITTED)


def token_headers(wire: Wire) -> TokenHeaders:
    """Return the headers of service 73. Raises: Refusal."""
    try:
        return read_token_headers(wire.headers)
    except FieldProblem as problem:
        raise malformed(Service.ACCESS_TOKEN, problem) from None


def transaction_headers(
    service: Service, wire: Wire, *, external_id_format: ExternalIdFormat = ExternalIdFormat.TEXT36
) -> TransactionHeaders:
    """Return the headers of 24 and 25.

    external_id_format: the wider one for a client that is not known yet; see `check_external_id`.
    Raises: Refusal.
    """
    try:
        return read_transaction_headers(wire.headers, external_id_format=external_id_format)
    except FieldProblem as problem:
        raise malformed(service, problem) from None


def check_external_id(
    service: Service,
    headers: TransactionHeaders,
    list_clients: Callable[[], Iterable[PartnerClient]],
) -> None:
    """Refuse an X-EXTERNAL-ID in a format that none of these clients has agreed.

    list_clients: is asked only about an id that is no number. Without clients nothing is refused
    here: a later check refuses an unknown client.
    Raises: Refusal.
    """
    if is_external_id(headers.external_id, ExternalIdFormat.NUMERIC):
        return
    formats = {client.external_id_format for client in list_clients()}
    if formats and not any(is_external_id(headers.external_id, form) for form in formats):
        raise malformed(service, build_external_id_problem())


def malformed(service: Service, problem: FieldProblem) -> Refusal:
    """Return the refusal of a field that is missing or badly formed."""
    case = find_case(service, problem)
    return Refusal(case, None if case is Case.BAD_REQUEST else problem.field)


def find_client(clients: Iterable[PartnerClient], client_id: str) -> PartnerClient | None:
    """Return the client that X-CLIENT-KEY names."""
    return next((client for client in clients if client.client_id == client_id), None)


def find_partner(clients: Iterable[PartnerClient], partner_id: UUID) -> PartnerClient | None:
    """Return the client of this partner."""
    return next((client for client in clients if client.partner_id == partner_id), None)


def find_asymmetric_client(
    clients: Iterable[PartnerClient], partner_id: str, *, has_token: bool
) -> PartnerClient | None:
    """Return the one client of this X-PARTNER-ID that signs without a token, if there is one.

    has_token: whether the call carries an invalid token. Two banks may give us the same company
    code. If one of them needs a token, the call may be its own, and None is returned, so that the
    answer names the token.
    """
    named = [client for client in clients if partner_id in client.ids]
    found = [client for client in named if not client.profile.needs_token]
    is_clear = len(found) == 1 and not (has_token and len(named) > 1)
    return found[0] if is_clear else None


def check_client(client: PartnerClient, headers: TransactionHeaders, wire: Wire) -> None:
    """Refuse headers that name another client, and an address that is not allowed.

    Raises: Refusal.
    """
    client_key = wire.headers.get("x-client-key", client.client_id)
    if headers.partner_id not in client.ids or client_key != client.client_id:
        raise Refusal(Case.UNAUTHORIZED, "Unknown client")
    if not client.sources.admit(wire.source):
        raise Refusal(Case.UNAUTHORIZED, NOT_ADMITTED)


def check_time(client: PartnerClient, at: datetime, *, now: datetime) -> None:
    """Refuse a message whose X-TIMESTAMP is too far from our clock. Raises: Refusal."""
    if not is_within_skew(at, now=now, skew_s=client.profile.skew_s):
        raise Refusal(Case.UNAUTHORIZED, "Timestamp")


def signature_verdict(
    client: PartnerClient, headers: TransactionHeaders, wire: Wire
) -> SignatureVerdict:
    """Verify the signature of 24 or 25 over the raw target and bytes."""
    parts = SignedParts(
        method=wire.method,
        target=wire.target,
        body=wire.body,
        timestamp=headers.timestamp,
        signature=headers.signature,
        token=headers.token or "",
    )
    if client.profile.needs_token:
        return verify_symmetric_request(client.profile, parts, secret=client.client_secret)
    return verify_asymmetric_request(client.profile, parts, public_key=client.public_key)


def token_verdict(client: PartnerClient, headers: TokenHeaders) -> SignatureVerdict:
    """Verify the signature of a call for a token."""
    return verify_token_request(
        client_id=headers.client_key,
        timestamp=headers.timestamp,
        signature=headers.signature,
        public_key=client.public_key,
    )


def verify(
    client: PartnerClient,
    verdict_of: Callable[[PartnerClient], SignatureVerdict],
    *,
    at: datetime,
) -> tuple[SignatureVerdict, bool]:
    """Verify a signature with the credentials in use, then with those before them.

    at: the instant at which the ones before them have to be valid. Also returns whether it is those
    that matched.
    """
    verdict = verdict_of(client)
    if verdict.is_accepted or (previous := client.with_previous(at)) is None:
        return verdict, False
    earlier = verdict_of(previous)
    return (earlier, True) if earlier.is_accepted else (verdict, False)


def _read_valid(previous: Previous[Value] | None, at: datetime) -> Value | None:
    return previous.value if previous is not None and at < previous.until else None


def plain(text: str, length: int) -> str:
    """Return what can be stored of a text that nobody has checked."""
    text = text[:length]
    if text.isprintable():
        return text
    return "".join(letter for letter in text if letter.isprintable())


def token_hash(token: str) -> bytes:
    """Return what is kept of a token; tokens are random, so a plain hash is enough."""
    return sha256(token.encode()).digest()
