"""Who calls, whether it may, and what its message comes to: decisions without a database.

The order of the checks is that of docs/snap.md: source address, headers, token, timestamp,
signature; only then the message, the replay, the X-EXTERNAL-ID and the bill.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payment_service.banks.rules import Sources
from payment_service.bills import rules as bills
from payment_service.bills.rules import Payable
from perisai_kit.domain.errors import DomainError
from snap_bi.codes import Case, Service, find_case
from snap_bi.errors import FieldProblem, VirtualAccountMismatch
from snap_bi.headers import (
    TokenHeaders,
    TransactionHeaders,
    read_token_headers,
    read_transaction_headers,
)
from snap_bi.profiles import ExternalIdScope, Profile, ReplayAnswer
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
from snap_bi.virtual_account import VirtualAccount, read_virtual_account

KEPT_HEADERS = (
    "x-timestamp",
    "x-partner-id",
    "x-external-id",
    "channel-id",
    "origin",
    "x-client-key",
)
HEADER_LENGTH = 200
TARGET_LENGTH = 500
SOURCE_LENGTH = 45
NOT_FOUND = "Not Found"
NOT_ADMITTED = "Connection not allowed"
NAMES_SHOWN = 20
"""Of the fields a message was read without; far more than any bank gets wrong at once."""
# No digits: a number of a person, sent in the place of a name, is not shown.
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_.-]{0,49}")


class CallbackOutcome(StrEnum):
    """What a stored message came to."""

    ANSWERED = "answered"  # an inquiry whose bill can be paid
    SETTLED = "settled"
    REPEATED = "repeated"  # the first answer was given again
    CONFLICT = "conflict"  # the request id of a settled payment with other content
    REFUSED = "refused"  # by its bill; an exact repeat is refused in the same words
    TURNED_BACK = "turned_back"  # for its form or its X-EXTERNAL-ID, before any bill was looked at


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


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it came: the raw target and body; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    source: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """A bank partner as far as its calls go. A suspended one is recognised, and told so."""

    partner_id: UUID
    profile: Profile
    company_code: str
    client_id: str
    client_secret: str = field(repr=False)
    public_key: RSAPublicKey
    sources: Sources
    replay_answer: ReplayAnswer
    is_active: bool

    @property
    def ids(self) -> tuple[str, str]:
        """What X-PARTNER-ID may say: banks send the client id or the company code."""
        return (self.client_id, self.company_code)


def check_source(service: Service, source: str | None, callers: Iterable[Caller]) -> None:
    """Refuse an address from which none of these callers may call.

    Raises: Refusal. Nobody known yet is refused later, as an unknown client.
    """
    known = list(callers)
    if known and not any(caller.sources.admit(source) for caller in known):
        if service is Service.ACCESS_TOKEN:
            raise Refusal(Case.BAD_REQUEST, NOT_ADMITTED)  # 4007300 is what banks expect here
        raise Refusal(Case.UNAUTHORIZED, NOT_ADMITTED)


def token_headers(wire: Wire) -> TokenHeaders:
    """Return the headers of service 73. Raises: Refusal."""
    try:
        return read_token_headers(wire.headers)
    except FieldProblem as problem:
        raise malformed(Service.ACCESS_TOKEN, problem) from None


def transaction_headers(service: Service, wire: Wire) -> TransactionHeaders:
    """Return the headers of 24 and 25. Raises: Refusal."""
    try:
        return read_transaction_headers(wire.headers)
    except FieldProblem as problem:
        raise malformed(service, problem) from None


def malformed(service: Service, problem: FieldProblem) -> Refusal:
    """Return the refusal of a field that is missing or badly formed."""
    case = find_case(service, problem)
    return Refusal(case, None if case is Case.BAD_REQUEST else problem.field)


def find_client(callers: Iterable[Caller], client_id: str) -> Caller | None:
    """Return the caller that X-CLIENT-KEY names."""
    return next((caller for caller in callers if caller.client_id == client_id), None)


def find_partner(callers: Iterable[Caller], partner_id: UUID) -> Caller | None:
    """Return the caller a token was given to."""
    return next((caller for caller in callers if caller.partner_id == partner_id), None)


def asymmetric_caller(
    callers: Iterable[Caller], partner_id: str, *, has_token: bool
) -> Caller | None:
    """Return the one caller of this X-PARTNER-ID that signs without a token, if there is one.

    has_token: whether a token came that opens nothing; where a bank that needs one may have sent
    it (two banks may give us the same company code), it has to be told so.
    """
    named = [caller for caller in callers if partner_id in caller.ids]
    found = [caller for caller in named if not caller.profile.needs_token]
    is_clear = len(found) == 1 and not (has_token and len(named) > 1)
    return found[0] if is_clear else None


def check_caller(caller: Caller, headers: TransactionHeaders, wire: Wire) -> None:
    """Refuse a caller who is not who its headers say, or calls from elsewhere. Raises: Refusal."""
    client_key = wire.headers.get("x-client-key", caller.client_id)
    if headers.partner_id not in caller.ids or client_key != caller.client_id:
        raise Refusal(Case.UNAUTHORIZED, "Unknown client")
    if not caller.sources.admit(wire.source):
        raise Refusal(Case.UNAUTHORIZED, NOT_ADMITTED)


def check_time(caller: Caller, at: datetime, *, now: datetime) -> None:
    """Refuse a message whose X-TIMESTAMP is too far from our clock. Raises: Refusal."""
    if not is_within_skew(at, now=now, skew_s=caller.profile.skew_s):
        raise Refusal(Case.UNAUTHORIZED, "Timestamp")


def signature_verdict(caller: Caller, headers: TransactionHeaders, wire: Wire) -> SignatureVerdict:
    """Verify the signature of 24 or 25 over the raw target and bytes."""
    parts = SignedParts(
        method=wire.method,
        target=wire.target,
        body=wire.body,
        timestamp=headers.timestamp,
        signature=headers.signature,
        token=headers.token or "",
    )
    if caller.profile.needs_token:
        return verify_symmetric_request(caller.profile, parts, secret=caller.client_secret)
    return verify_asymmetric_request(caller.profile, parts, public_key=caller.public_key)


def token_verdict(caller: Caller, headers: TokenHeaders) -> SignatureVerdict:
    """Verify the signature of a call for a token."""
    return verify_token_request(
        client_id=headers.client_key,
        timestamp=headers.timestamp,
        signature=headers.signature,
        public_key=caller.public_key,
    )


def shown_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of fields as they may be shown; `?` stands for what is no field's name."""
    return tuple(sorted({n if _FIELD_NAME.fullmatch(n) else "?" for n in names})[:NAMES_SHOWN])


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers worth keeping, token and signature as their SHA-256."""
    kept = {name: plain(headers[name], HEADER_LENGTH) for name in KEPT_HEADERS if name in headers}
    secrets = {
        "authorization": parse_bearer_token(headers.get("authorization")),
        "x-signature": headers.get("x-signature"),
    }
    digests = {name: sha256(text.encode()).hexdigest() for name, text in secrets.items() if text}
    return kept | {f"{name}-sha256": digest for name, digest in digests.items()}


def plain(text: str, length: int) -> str:
    """Return what can be stored of a text that nobody has checked."""
    text = text[:length]
    if text.isprintable():
        return text
    return "".join(letter for letter in text if letter.isprintable())


def token_hash(token: str) -> bytes:
    """Return what is kept of a token; tokens are random, so a plain hash is enough."""
    return sha256(token.encode()).digest()


def external_id_scope(profile: Profile, service: Service) -> str:
    """Return within what an X-EXTERNAL-ID counts as used, beside partner and Jakarta day."""
    if profile.external_id_scope is ExternalIdScope.PARTNER:
        return ""
    return service.value


def content(
    *,
    partner_service_id: str,
    virtual_account_no: str,
    paid_amount: int,
    trx_id: str | None,
    paid_bills: str | None,
) -> str:
    """Return the fields in which an honest repeat cannot differ, as one text to be hashed.

    Everything else may: flagAdvise, timestamps, referenceNo, journalNum, channelCode and the rest.
    Source: docs/snap.md, Idempotency.
    """
    fields = (
        partner_service_id.strip(),
        virtual_account_no.strip(),
        paid_amount,
        (trx_id or "").strip(),
        (paid_bills or "").strip().upper(),
    )
    return json.dumps(fields)


def virtual_account(
    caller: Caller, *, partner_service_id: str, customer_no: str, virtual_account_no: str
) -> VirtualAccount:
    """Return the account that the three strings of a message agree on.

    Raises: Refusal for another company's code, and for strings that do not agree.
    """
    if partner_service_id.strip() != caller.company_code:
        raise Refusal(Case.PARTNER_NOT_FOUND)
    try:
        return read_virtual_account(
            partner_service_id=partner_service_id,
            customer_no=customer_no,
            virtual_account_no=virtual_account_no,
        )
    except VirtualAccountMismatch:
        raise Refusal(Case.INVALID_ACCOUNT) from None


def check_active(caller: Caller) -> None:
    """Refuse what a suspended partner asks anew. Raises: Refusal."""
    if not caller.is_active:
        raise Refusal(Case.FEATURE_NOT_ALLOWED, "Partner is suspended")


_CASES: dict[type[DomainError], tuple[Case, str | None]] = {
    bills.BillAlreadyPaid: (Case.PAID_BILL, None),
    bills.BillCancelledAlready: (Case.INVALID_BILL, "Cancelled"),
    bills.BillExpiredAlready: (Case.EXPIRED_BILL, None),
    bills.AmountMismatch: (Case.INVALID_AMOUNT, None),
}


def check_payable(bill: Payable, *, paid: int | None, at: datetime) -> None:
    """Refuse a bill that cannot be paid.

    paid: rupiah; None for an inquiry, which says no amount. at: when the customer pays or paid.
    Raises: Refusal.
    """
    try:
        bills.check_payable(
            bill.status,
            due=bill.amount,
            paid=bill.amount if paid is None else paid,
            expires_at=bill.expires_at,
            paid_at=at,
        )
    except tuple(_CASES) as error:
        case, detail = _CASES[type(error)]
        raise Refusal(case, detail) from None


def verdict_of(refusal: Refusal) -> CallbackOutcome:
    """Return how a refusal is kept: an exact repeat of one that a bill caused is refused again.

    One turned back for its form or for a used X-EXTERNAL-ID may be sent again, put right.
    """
    turned_back = refusal.case.http_status in (400, 409)
    return CallbackOutcome.TURNED_BACK if turned_back else CallbackOutcome.REFUSED


@dataclass(frozen=True, slots=True)
class First:
    """An earlier message under the same request id, and its answer."""

    callback_id: UUID
    payment_id: UUID | None
    external_id: str
    content_hash: bytes
    http_status: int
    response_code: str
    answer: bytes = field(repr=False)


class Repeat(StrEnum):
    """How a message under the request id of a settled payment is answered."""

    AS_STORED = "as_stored"
    INCONSISTENT = (
        "inconsistent"  # the same content, but the bank wants 404xx18 and the first result
    )
    OTHER_CONTENT = "other_content"


def repeat(first: First, *, content_hash: bytes, external_id: str, wanted: ReplayAnswer) -> Repeat:
    """Tell how to answer; nothing is ever booked.

    A bank that wants an exact double refused as inconsistent still gets the stored answer for a
    new attempt under a new X-EXTERNAL-ID. Source: docs/snap.md, Idempotency.
    """
    if content_hash != first.content_hash:
        return Repeat.OTHER_CONTENT
    doubled = external_id == first.external_id
    if doubled and wanted is ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT:
        return Repeat.INCONSISTENT
    return Repeat.AS_STORED
