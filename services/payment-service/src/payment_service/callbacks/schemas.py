"""Messages in hand: what a bank sent, once it is known to be the bank's, and what it came to."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, Self, TypeVar
from uuid import UUID

from payment_service.bank_access.rules import PartnerClient, Refusal, Wire
from payment_service.bank_access.schemas import Signed, echo_of
from payment_service.bills.rules import BillStatus, LockedBill
from payment_service.callbacks.rules import (
    CallbackOutcome,
    First,
    describe_paying_account,
    virtual_account,
)
from payment_service.orders.rules import LockedOrder
from payment_service.payments.rules import Notice, PaidAt, Settlement
from perisai_kit.db.sql import Executor
from perisai_kit.domain.clock import real_now
from perisai_kit.domain.month import Month
from perisai_kit.http.types import PaymentId
from perisai_kit.privacy.keyring import Keyring
from snap_bi.answers import Answer, build_refusal, build_rejected_data, make_reason
from snap_bi.codes import Case, Service, format_response_code
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.fields import Amount, AmountNotRupiah
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest
from snap_bi.profiles import PROFILES, DoubtAnswer, Profile
from snap_bi.records import record
from snap_bi.strict_json import parse_object
from snap_bi.timestamps import TimestampFormat, format_timestamp

CLIENT_KEY_LENGTH = 128
"""Of an X-CLIENT-KEY that is sent back; as snap_bi.headers reads it."""

Key = tuple[UUID, str]
"""The identity of a payment: partner and the bank's request id."""


@record(kw_only=True)
class Message:
    """A payment flag to be taken. paid: rupiah. received_at: of the business clock.

    trx_at: the time of the payment that the bank states.
    dropped: the names of the fields it was read without.
    """

    signed: Signed
    request: PaymentRequest
    content_hash: bytes = field(repr=False)
    paid: int
    trx_at: datetime | None
    received_at: datetime
    dropped: tuple[str, ...] = ()

    @property
    def request_id(self) -> str:
        return self.request.payment_request_id

    @property
    def key(self) -> Key:
        return (self.signed.client.partner_id, self.request_id)

    def notice(self, paid_at: PaidAt, keyring: Keyring) -> Notice:
        """Return what the payment is booked with."""
        return Notice(
            partner_id=self.signed.client.partner_id,
            payment_request_id=self.request_id,
            amount=self.paid,
            trx_date_time=self.trx_at,
            received_at=self.received_at,
            paid_at=paid_at.at,
            channel_code=self.request.channel_code,
            reference_no=self.request.reference_no,
            paying_account=self._hash_paying_account(keyring),
        )

    def _hash_paying_account(self, keyring: Keyring) -> str | None:
        described = describe_paying_account(
            self.signed.client.partner_id,
            bank_code=self.request.source_bank_code,
            account=self.request.hashed_source_account_no,
        )
        if described is None:
            return None
        # Half of the hash: events are many, and no two accounts share 128 bits by chance.
        return keyring.lookup("paying_account", described)[:16].hex()


@record(kw_only=True)
class Inquiry:
    """An inquiry to be answered. dropped: the names of the fields it was read without."""

    signed: Signed
    request: InquiryRequest
    dropped: tuple[str, ...] = ()
    content_hash: None = None
    """Nothing is found by the content of an inquiry."""

    @property
    def request_id(self) -> str:
        return self.request.inquiry_request_id


Place = tuple[UUID, str]
"""Partner and customer number of an order."""
Places = dict[UUID, Place]
"""Which order a message names, by the message's id."""


def find_place(message: Message | Inquiry) -> Place:
    """Return which order a message names. Raises: Refusal if that is no number of ours."""
    client, request = message.signed.client, message.request
    account = virtual_account(
        client,
        partner_service_id=request.partner_service_id,
        customer_no=request.customer_no,
        virtual_account_no=request.virtual_account_no,
    )
    return client.partner_id, account.customer_no


def list_places(messages: Sequence[Message | Inquiry]) -> Places:
    """Return which orders messages name; one that is refused for it is left out."""
    places = {}
    for message in messages:
        try:
            places[message.signed.id] = find_place(message)
        except Refusal:
            continue
    return places


@record(kw_only=True)
class Outcome:
    """What a message came to. first_id: the earlier message it repeats or contradicts.

    paid_at: when the payment counts that was booked by it just now.
    """

    answer: Answer
    verdict: CallbackOutcome
    payment_id: PaymentId | None = None
    first_id: UUID | None = None
    paid_at: PaidAt | None = field(default=None, compare=False)


Kept = TypeVar("Kept", bound=Message | Inquiry)
Taken = TypeVar("Taken", bound=Message | Inquiry, contravariant=True)


class TakeMany(Protocol[Taken]):
    """What stores messages with their outcomes, and returns those in the same order.

    again: an earlier attempt may have committed some; their stored outcomes are returned.
    """

    async def __call__(
        self, run: Executor, keyring: Keyring, messages: Sequence[Taken], *, again: bool
    ) -> list[Outcome]: ...


class FindHeld(Protocol[Taken]):
    """What returns the ids of the messages whose bills somebody holds, and locks all others."""

    async def __call__(self, run: Executor, messages: Sequence[Taken]) -> set[UUID]: ...


@record(kw_only=True)
class Judged:
    """A message with what it came to, ready to be kept.

    request_id: the bank's, where the message could be read. dropped: as in `Message`.
    offered, order_id: of a payment that was not taken, rupiah and the order of its virtual account.
    """

    signed: Signed
    outcome: Outcome
    request_id: str | None = None
    content_hash: bytes | None = field(default=None, repr=False)
    dropped: tuple[str, ...] = ()
    offered: int | None = None
    order_id: UUID | None = None

    @classmethod
    def of(cls, message: Message | Inquiry, outcome: Outcome) -> Self:
        return cls(
            signed=message.signed,
            outcome=outcome,
            request_id=message.request_id,
            content_hash=message.content_hash,
            dropped=message.dropped,
        )

    @classmethod
    def of_unread(cls, signed: Signed, outcome: Outcome) -> Self:
        """Return a message that was turned back for its form, with what of it can be read."""
        try:
            body = parse_object(signed.wire.body)
        except BodyInvalid:
            return cls(signed=signed, outcome=outcome)
        name = _REQUEST_ID_NAMES[signed.service]
        return cls(
            signed=signed,
            outcome=outcome,
            request_id=Echo.of({name: body.get(name)}).request_id or None,
            offered=_read_offered(body) if signed.service is Service.PAYMENT else None,
        )


_REQUEST_ID_NAMES = {
    Service.INQUIRY: "inquiryRequestId",
    Service.PAYMENT: "paymentRequestId",
}


def _read_offered(body: Mapping[str, object]) -> int | None:
    amount = body.get("paidAmount")
    if not isinstance(amount, Mapping):
        return None
    try:
        return Amount.read(amount).rupiah
    except (FieldProblem, AmountNotRupiah):
        return None


@dataclass(slots=True)
class EarlierMessages:
    """The messages that later ones may repeat: those that settled a request, and refused ones."""

    settled: dict[Key, First] = field(default_factory=dict)
    refused: dict[tuple[Key, bytes], First] = field(default_factory=dict)

    def note(self, key: Key, verdict: CallbackOutcome, first: First) -> None:
        """Add a message; of two refusals with the same content the earlier one counts."""
        if verdict is CallbackOutcome.SETTLED:
            self.settled[key] = first
        elif verdict is CallbackOutcome.REFUSED:
            known = self.refused.setdefault((key, first.content_hash), first)
            if first.callback_id < known.callback_id:
                self.refused[key, first.content_hash] = first


@dataclass(slots=True)
class Books:
    """What is stored about a batch; each message sees the outcomes of those before it.

    orders: by partner and customer number; their bills are locked. unused: the messages whose
    X-EXTERNAL-ID was not used before. paid_months, open_bills: of members of bills that only a
    late report can settle, which months other bills paid, and their open bills, which are locked.
    """

    orders: Mapping[tuple[UUID, str], LockedOrder]
    unused: Set[UUID]
    earlier: EarlierMessages
    paid_months: dict[UUID, set[Month]] = field(default_factory=dict)
    open_bills: Mapping[UUID, LockedBill] = field(default_factory=dict)
    settlements: list[Settlement] = field(default_factory=list)
    voided: list[LockedBill] = field(default_factory=list)
    _changed: dict[UUID, BillStatus] = field(default_factory=dict)
    _withdrawn_at: dict[UUID, datetime] = field(default_factory=dict)

    def find_order(self, partner_id: UUID, customer_no: str) -> LockedOrder | None:
        """Return an order with its bills as the messages before have left them."""
        order = self.orders.get((partner_id, customer_no))
        if order is None or not self._changed:
            return order
        return replace(order, bills=[self._as_left(bill) for bill in order.bills])

    def settle(self, settlement: Settlement) -> None:
        """Note a payment. A late report withdraws its member's open bill of the same months."""
        self.settlements.append(settlement)
        for share in settlement.shares:
            bill = share.bill
            if bill is None or share.reason is not None:
                continue
            self._changed[bill.id] = BillStatus.PAID
            if bill.member_id in self.paid_months:
                self.paid_months[bill.member_id] |= bill.months
            self._void_open(bill, at=settlement.notice.received_at)

    def _void_open(self, paid: LockedBill, *, at: datetime) -> None:
        other = self.open_bills.get(paid.member_id)
        if other is None or other.id in self._changed or not other.months & paid.months:
            return
        self._changed[other.id] = BillStatus.VOID
        self._withdrawn_at[other.id] = at
        self.voided.append(other)

    def _as_left(self, bill: LockedBill) -> LockedBill:
        status = self._changed.get(bill.id, bill.status)
        withdrawn_at = self._withdrawn_at.get(bill.id, bill.withdrawn_at)
        return replace(bill, status=status, withdrawn_at=withdrawn_at)


@record
class Reply:
    """What goes back over the wire."""

    answer: Answer
    headers: dict[str, str]

    @classmethod
    def of(
        cls, answer: Answer, *, profile: Profile | None = None, client_key: str | None = None
    ) -> Self:
        """Add the headers every answer has; X-TIMESTAMP as the bank's profile writes it."""
        form = profile.timestamp_format if profile else TimestampFormat.SECONDS
        headers = {"X-TIMESTAMP": format_timestamp(real_now(), form)}
        if client_key is not None:
            headers["X-CLIENT-KEY"] = client_key
        return cls(answer, headers)

    @classmethod
    def of_refusal(
        cls, answer: Answer, service: Service, wire: Wire, client: PartnerClient | None
    ) -> Self:
        """Add the headers of a refusal by header, token or signature.

        client: whom the request names, proven or not. A token request gets its key back, as it
        stands in every answer of service 73.
        """
        sent = wire.headers.get("x-client-key", "")
        is_plain = sent.isascii() and sent.isprintable() and 0 < len(sent) <= CLIENT_KEY_LENGTH
        has_key = service is Service.ACCESS_TOKEN and is_plain
        profile = client.profile if client else None
        return cls.of(answer, profile=profile, client_key=sent if has_key else None)


def stored_answer(first: First) -> Answer:
    """Return an earlier answer as it went out."""
    return Answer(first.http_status, first.response_code, first.answer)


def inconsistent_answer(first: First) -> Answer:
    """Return 404xx18 with the result of an earlier answer."""
    case = Case.INCONSISTENT_REQUEST
    code = format_response_code(Service.PAYMENT, case)
    whole = {
        **json.loads(first.answer),
        "responseCode": code,
        "responseMessage": case.message(),
    }
    body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(case.http_status, code, body)


def refused_answer(service: Service, wire: Wire, refused: Refusal) -> Answer:
    """Return a refusal with the ids of the message where they can be read: the bank wants them."""
    return build_refusal(service, refused.case, detail=refused.detail, echo=echo_of(wire))


_TOO_LARGE = make_reason("The request is too large", "Permintaan terlalu besar")


def too_large(service: Service | None) -> Reply:
    """Return the answer to a body no honest bank sends. The standard has no code for 413."""
    return _odd(413, service, "00", "Request Entity Too Large")


def unknown_path() -> Reply:
    """Return the answer under an address of ours that no service has."""
    return _odd(404, None, "01", "Transaction Not Found")


def failed(service: Service, prefix: str) -> Reply:
    """Return the answer to a failure before it was known whose message it was.

    It may be the repeat of a payment that is booked: where a bank of this prefix takes any code
    for a refusal, there is none.
    """
    doubts = {each.doubt_answer for each in PROFILES.values() if each.public_prefix == prefix}
    if service is Service.PAYMENT and DoubtAnswer.EMPTY_504 in doubts:
        return Reply.of(Answer(504, "", b""))
    return Reply.of(build_refusal(service, Case.GENERAL_ERROR))


def _odd(status: int, service: Service | None, case: str, message: str) -> Reply:
    code = f"{status}{service or '00'}{case}"
    whole: dict[str, object] = {"responseCode": code, "responseMessage": message}
    if service and (data := build_rejected_data(service, Echo(), _TOO_LARGE)):
        whole["virtualAccountData"] = data
    return Reply.of(Answer(status, code, json.dumps(whole).encode()))
