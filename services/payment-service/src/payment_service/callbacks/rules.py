"""What a message of a bank comes to: decisions without a database.

The order of the checks is that of docs/snap.md: first those of bank_access, then the message, the
replay, the X-EXTERNAL-ID and the bill.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from pydantic_core import to_json

from payment_service.allocations import rules as allocations
from payment_service.allocations.rules import Share
from payment_service.bank_access.rules import PartnerClient, Refusal, Wire, plain
from payment_service.bills import rules as bills
from payment_service.bills.rules import Askable, LockedBill
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.money import MAX_RUPIAH
from perisai_kit.domain.month import Month
from snap_bi.codes import Case, Service
from snap_bi.errors import VirtualAccountMismatch
from snap_bi.profiles import ExternalIdScope, Profile, ReplayAnswer
from snap_bi.records import record
from snap_bi.virtual_account import VirtualAccount, is_company_code, read_virtual_account

KEPT_HEADERS = (
    "x-timestamp",
    "x-partner-id",
    "x-external-id",
    "channel-id",
    "origin",
    "x-client-key",
)
HEADER_LENGTH = 200
NOT_FOUND = "Not Found"
NAMES_SHOWN = 20
"""Of the fields a message was read without; far more than any bank gets wrong at once."""
# No digits: a number of a person, sent in the place of a name, is not shown.
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_.-]{0,49}")


class CallbackOutcome(StrEnum):
    """What a stored message came to."""

    ANSWERED = "answered"  # an inquiry whose order can be paid
    SETTLED = "settled"
    REPEATED = "repeated"  # the first answer was given again
    CONFLICT = "conflict"  # the request id of a settled payment with other content
    REFUSED = "refused"  # by its bill; an exact repeat is refused in the same words
    TURNED_BACK = "turned_back"  # for its form or its X-EXTERNAL-ID, before any bill was looked at


NOT_TAKEN = frozenset(
    {CallbackOutcome.REFUSED, CallbackOutcome.CONFLICT, CallbackOutcome.TURNED_BACK}
)
"""A payment with such an outcome is not in our books, and repeats none that is."""


def shown_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of fields as they may be shown; `?` stands for what is no field's name."""
    return tuple(sorted({n if _FIELD_NAME.fullmatch(n) else "?" for n in names})[:NAMES_SHOWN])


def kept_headers(wire: Wire) -> dict[str, str]:
    """Return the headers worth keeping, token and signature as their SHA-256."""
    headers = wire.headers
    kept = {name: plain(headers[name], HEADER_LENGTH) for name in KEPT_HEADERS if name in headers}
    if (digest := wire.token_digest) is not None:
        kept["authorization-sha256"] = digest.hex()
    if signature := headers.get("x-signature"):
        kept["x-signature-sha256"] = sha256(signature.encode()).hexdigest()
    return kept


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

    partner_service_id, virtual_account_no: as `unpad` returns them.
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
    return to_json(fields).decode()


def describe_paying_account(
    partner_id: UUID, *, bank_code: str | None, account: str | None
) -> str | None:
    """Return the account that a customer paid from, as one text to be hashed; None: not named.

    Banks hash in ways of their own, so one account at two partners is two. What is sent may also be
    a whole account number, with the customer's consent. Source: docs/snap.md, Service 25.
    """
    named = (account or "").strip()
    if not named:
        return None
    return to_json((str(partner_id), (bank_code or "").strip(), named)).decode()


def virtual_account(
    client: PartnerClient, *, partner_service_id: str, customer_no: str, virtual_account_no: str
) -> VirtualAccount:
    """Return the account that the three strings of a message agree on.

    Raises: Refusal for another company's code, and for strings that do not agree.
    """
    if not is_company_code(partner_service_id, client.company_code):
        raise Refusal(Case.PARTNER_NOT_FOUND)
    try:
        return read_virtual_account(
            company_code=client.company_code,
            customer_no=customer_no,
            virtual_account_no=virtual_account_no,
        )
    except VirtualAccountMismatch:
        raise Refusal(Case.INVALID_ACCOUNT) from None


def unpad(
    client: PartnerClient, *, partner_service_id: str, customer_no: str, virtual_account_no: str
) -> tuple[str, str]:
    """Return partnerServiceId and virtualAccountNo in one form, whatever padding a bank uses.

    Strings that name no account of this company only lose their spaces.
    """
    try:
        account = virtual_account(
            client,
            partner_service_id=partner_service_id,
            customer_no=customer_no,
            virtual_account_no=virtual_account_no,
        )
    except Refusal:
        return partner_service_id.strip(), virtual_account_no.strip()
    return account.company_code, account.number


def check_active(client: PartnerClient) -> None:
    """Refuse what a suspended partner asks anew. Raises: Refusal."""
    if not client.is_active:
        raise Refusal(Case.FEATURE_NOT_ALLOWED, "Partner is suspended")


_CASES: dict[type[DomainError], tuple[Case, str | None]] = {
    bills.BillAlreadyPaid: (Case.PAID_BILL, None),
    bills.BillReplaced: (Case.INVALID_BILL, "Cancelled"),
    bills.BillVoid: (Case.INVALID_BILL, "Cancelled"),
    bills.BillEnded: (Case.EXPIRED_BILL, None),
    bills.AmountMismatch: (Case.INVALID_AMOUNT, None),
}
_CASE_ERRORS = tuple(_CASES)


def check_inquired(order: Sequence[Askable], *, at: datetime) -> None:
    """Refuse an inquiry about an order of which no bill can be paid now.

    Raises: Refusal.
    """
    try:
        allocations.check_any_open(order, at=at)
    except _CASE_ERRORS as error:
        raise _make_refusal(error) from None


def divide(
    client: PartnerClient,
    order: Sequence[LockedBill],
    *,
    paid: int,
    paid_at: datetime,
    paid_months: Mapping[UUID, Collection[Month]],
) -> list[Share]:
    """Divide a payment over the bills of its order; see `allocations.divide`.

    What no bill takes is refused, so that the bank gives it back, or kept whole in suspense where
    the partner cannot give it back. A payment of nothing is always refused, and so is more than the
    API can show exactly, which is a mistake and no money.
    Raises: Refusal.
    """
    try:
        return allocations.divide(order, paid=paid, paid_at=paid_at, paid_months=paid_months)
    except _CASE_ERRORS as error:
        if not (client.keeps_refused_money and 0 < paid <= MAX_RUPIAH):
            raise _make_refusal(error) from None
        return allocations.keep_whole(order, paid=paid, code=error.code)


def _make_refusal(error: DomainError) -> Refusal:
    case, detail = _CASES[type(error)]
    return Refusal(case, detail)


def verdict_of(refusal: Refusal) -> CallbackOutcome:
    """Return how a refusal is kept: an exact repeat of one that a bill caused is refused again.

    One turned back for its form or for a used X-EXTERNAL-ID may be sent again, put right.
    """
    turned_back = refusal.case.http_status in (400, 409)
    return CallbackOutcome.TURNED_BACK if turned_back else CallbackOutcome.REFUSED


@record
class First:
    """An earlier message under the same request id, and its answer."""

    callback_id: UUID
    payment_id: UUID | None
    external_id: str
    content_hash: bytes
    http_status: int
    response_code: str
    answer: bytes = field(repr=False)


REFUSALS_REPEATED_FOR = timedelta(days=7)
"""For so long the same content under the same request id gets the same refusal; later it is judged
anew. No bank known repeats a flag after a day. Source: docs/snap.md, Timeouts and retries."""


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
