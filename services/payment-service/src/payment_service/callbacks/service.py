"""Answer banks: an inquiry from the bill alone, and a payment once and for all.

Nothing is acknowledged that is not committed. What bears no good signature is not kept.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.callbacks import queries, rules
from payment_service.callbacks.gate import Gate, authenticate, issue_token
from payment_service.callbacks.models import Callback, ExternalId
from payment_service.callbacks.queries import Key
from payment_service.callbacks.rules import Caller, First, Refusal, Repeat, Verdict, Wire
from payment_service.callbacks.schemas import Message, Outcome, Reply, Signed
from payment_service.payments import service as payments
from payment_service.payments.rules import Notice, PaymentRequestReused
from perisai_kit import clock
from perisai_kit.db import Database
from perisai_kit.log import get_logger
from perisai_kit.pii import Keyring
from snap_bi.answers import Answer, doubt_answer, inquiry_answer, payment_answer, refusal
from snap_bi.codes import Case, Service, response_code
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest, VirtualAccountRequest
from snap_bi.strict_json import parse_object
from snap_bi.virtual_account import VirtualAccount

conflicts_total = Counter(
    "snap_payment_conflicts_total",
    "Payment flags under the request id of a settled payment, with other content.",
)
log = get_logger()

Request = TypeVar("Request", bound=VirtualAccountRequest)
TakeOne = Callable[[Message], Awaitable[Answer]]
"""How a message gets into the books: `Writer.take`."""


async def serve(gate: Gate, service: Service, wire: Wire, take_one: TakeOne) -> Reply:
    """Answer one call of a bank: the caller first, then the message."""
    try:
        if service is Service.ACCESS_TOKEN:
            answer, caller = await issue_token(gate, wire)
            return Reply.of(answer, profile=caller.profile, client_key=caller.client_id)
        signed = await authenticate(gate, service, wire)
    except Refusal as refused:
        log.info("callback.refused", snap_service=service.value, case=refused.case.name)
        return Reply.of(_refused_answer(service, wire, refused))
    if service is Service.INQUIRY:
        answer = await inquire(gate.database, signed)
    else:
        answer = await pay(gate.database, gate.keyring, signed, take_one)
    return Reply.of(answer, profile=signed.caller.profile)


async def inquire(database: Database, signed: Signed) -> Answer:
    """Answer an inquiry (24) from the bill alone, and keep it."""
    async with database.begin() as session:
        request_id = None
        try:
            request = _read(signed, InquiryRequest)
            request_id = request.inquiry_request_id
            outcome = await _inquired(session, signed, request)
        except Refusal as refused:
            outcome = _refused(signed, refused)
        await _keep(session, [_callback(signed, outcome, request_id=request_id)])
        return outcome.answer


async def pay(database: Database, keyring: Keyring, signed: Signed, take_one: TakeOne) -> Answer:
    """Take a payment flag (25), or say truthfully why not.

    Where our own commit is in doubt the answer is one that this bank does not read as a refusal.
    """
    try:
        try:
            message = read_payment(signed, keyring)
        except Refusal as refused:
            outcome = _refused(signed, refused)
            async with database.begin() as session:
                await _keep(session, [_callback(signed, outcome, request_id=None)])
            return outcome.answer
        return await take_one(message)
    except Exception as error:
        log.error("callback.in_doubt", callback_id=str(signed.id), exc_info=error)
        return doubt_answer(signed.caller.profile)


def read_payment(signed: Signed, keyring: Keyring) -> Message:
    """Return a payment flag ready to be taken.

    Raises: Refusal for its form.
    """
    request = _read(signed, PaymentRequest)
    now = clock.now()
    paid = request.paid_amount.rupiah
    content = rules.content(
        partner_service_id=request.partner_service_id,
        virtual_account_no=request.virtual_account_no,
        paid_amount=paid,
        trx_id=request.trx_id,
        paid_bills=request.paid_bills,
    )
    return Message(
        signed=signed,
        request=request,
        content_hash=keyring.lookup("snap_payment", content),
        paid=paid,
        paid_at=request.trx_at or now,
        received_at=now,
    )


async def take(session: AsyncSession, messages: Sequence[Message]) -> list[Answer]:
    """Book what can be booked, keep every message, and return the answers in the same order.

    The bills are locked first, by id. What is not booked is answered from statements that begin
    after that: a repeat that had to wait for its first then sees the payment, and not merely a
    paid bill, which some banks would answer by giving the customer the money back.
    """
    locked = await _lock_bills(session, messages)
    unused = await queries.insert_once_external_ids(
        session, [_external_id(message.signed) for message in messages]
    )
    settled = await queries.list_settled(session, {message.key for message in messages})
    refused = await queries.list_refused(
        session, {(*message.key, message.content_hash) for message in messages}
    )
    kept = []
    for message in messages:
        outcome = _repeated(message, settled, refused)
        if outcome is None:
            bill = locked.get(message.signed.id)
            is_fresh = message.signed.id in unused
            outcome = await _settle(session, message, bill, settled, is_fresh=is_fresh)
        row = _callback(
            message.signed,
            outcome,
            request_id=message.request.payment_request_id,
            content_hash=message.content_hash,
        )
        _remember(message, row, settled, refused)
        kept.append(row)
    await _keep(session, kept)
    return [Answer(row.http_status, row.response_code, row.answer) for row in kept]


async def _inquired(session: AsyncSession, signed: Signed, request: InquiryRequest) -> Outcome:
    if not await queries.insert_once_external_ids(session, [_external_id(signed)]):
        raise Refusal(Case.CONFLICT)
    rules.check_active(signed.caller)
    account = _account(signed.caller, request)
    bill = await bills.find_by_account(
        session, partner_id=signed.caller.partner_id, customer_no=account.customer_no
    )
    if bill is None:
        raise Refusal(Case.INVALID_BILL, rules.NOT_FOUND)
    rules.check_payable(bill, paid=None, at=clock.now())
    answer = inquiry_answer(
        signed.caller.profile, request, name=bill.display_name, amount=bill.amount
    )
    return Outcome(answer=answer, verdict=Verdict.ANSWERED)


async def _lock_bills(session: AsyncSession, messages: Sequence[Message]) -> dict[UUID, Bill]:
    # By message. A number that is not ours, or not well formed, is refused where it is decided.
    accounts = {}
    for message in messages:
        caller = message.signed.caller
        try:
            account = _account(caller, message.request)
        except Refusal:
            continue
        accounts[message.signed.id] = (caller.partner_id, account.customer_no)
    ids = await bills.find_ids_by_account(session, set(accounts.values()))
    locked = await bills.lock_for_payment(session, list(ids.values()))
    return {
        message_id: locked[ids[account]]
        for message_id, account in accounts.items()
        if account in ids
    }


async def _settle(
    session: AsyncSession,
    message: Message,
    bill: Bill | None,
    settled: dict[Key, First],
    *,
    is_fresh: bool,
) -> Outcome:
    signed = message.signed
    try:
        if not is_fresh:
            raise Refusal(Case.CONFLICT)
        rules.check_active(signed.caller)
        _account(signed.caller, message.request)
        if bill is None:
            raise Refusal(Case.INVALID_BILL, rules.NOT_FOUND)
        rules.check_payable(bill, paid=message.paid, at=message.paid_at)
        settlement = await payments.settle(session, _notice(message, bill))
    except Refusal as refusal_:
        return _refused(signed, refusal_)
    except PaymentRequestReused:
        # Settled meanwhile under another bill, whose lock we did not wait for.
        settled.update(await queries.list_settled(session, {message.key}))
        return _answered_before(message, settled[message.key])
    answer = payment_answer(
        signed.caller.profile, message.request, name=bill.display_name, total_amount=bill.amount
    )
    return Outcome(answer=answer, verdict=Verdict.SETTLED, payment_id=settlement.payment.id)


def _repeated(
    message: Message,
    settled: dict[Key, First],
    refused: dict[tuple[UUID, str, bytes], First],
) -> Outcome | None:
    first = settled.get(message.key) or refused.get((*message.key, message.content_hash))
    return None if first is None else _answered_before(message, first)


def _answered_before(message: Message, first: First) -> Outcome:
    kind = rules.repeat(
        first,
        content_hash=message.content_hash,
        external_id=message.signed.headers.external_id,
        wanted=message.signed.caller.replay_answer,
    )
    if kind is Repeat.AS_STORED:
        return Outcome(
            answer=_as_stored(first), verdict=Verdict.REPEATED, first_id=first.callback_id
        )
    verdict = Verdict.REPEATED
    if kind is Repeat.OTHER_CONTENT:
        verdict = Verdict.CONFLICT
        conflicts_total.inc()
        log.error(
            "callback.conflict",
            callback_id=str(message.signed.id),
            first_id=str(first.callback_id),
            partner_id=str(message.signed.caller.partner_id),
        )
    return Outcome(answer=_inconsistent(first), verdict=verdict, first_id=first.callback_id)


def _inconsistent(first: First) -> Answer:
    case = Case.INCONSISTENT_REQUEST
    code = response_code(Service.PAYMENT, case)
    whole = {
        **json.loads(first.answer),
        "responseCode": code,
        "responseMessage": case.message(),
    }
    body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(case.http_status, code, body)


def _as_stored(first: First) -> Answer:
    return Answer(first.http_status, first.response_code, first.answer)


def _refused(signed: Signed, refused: Refusal) -> Outcome:
    return Outcome(
        answer=_refused_answer(signed.service, signed.wire, refused),
        verdict=rules.verdict_of(refused),
    )


def _refused_answer(service: Service, wire: Wire, refused: Refusal) -> Answer:
    # With the ids of the message where they can be read; the bank wants them back.
    try:
        echo = Echo.of(parse_object(wire.body))
    except BodyInvalid:
        echo = Echo()
    return refusal(service, refused.case, detail=refused.detail, echo=echo)


def _read(signed: Signed, kind: type[Request]) -> Request:
    try:
        return kind.read_for(signed.caller.profile, parse_object(signed.wire.body))
    except BodyInvalid:
        raise Refusal(Case.BAD_REQUEST) from None
    except FieldProblem as problem:
        raise rules.malformed(signed.service, problem) from None


def _account(caller: Caller, request: VirtualAccountRequest) -> VirtualAccount:
    return rules.virtual_account(
        caller,
        partner_service_id=request.partner_service_id,
        customer_no=request.customer_no,
        virtual_account_no=request.virtual_account_no,
    )


def _notice(message: Message, bill: Bill) -> Notice:
    return Notice(
        partner_id=message.signed.caller.partner_id,
        payment_request_id=message.request.payment_request_id,
        bill_id=bill.id,
        amount=message.paid,
        trx_date_time=message.paid_at,
        received_at=message.received_at,
        channel_code=message.request.channel_code,
        reference_no=message.request.reference_no,
    )


def _external_id(signed: Signed) -> ExternalId:
    return ExternalId(
        partner_id=signed.caller.partner_id,
        scope=signed.scope,
        day=signed.day,
        external_id=signed.headers.external_id,
        callback_id=signed.id,
    )


def _callback(
    signed: Signed, outcome: Outcome, *, request_id: str | None, content_hash: bytes | None = None
) -> Callback:
    return Callback(
        id=signed.id,
        partner_id=signed.caller.partner_id,
        service=signed.service.value,
        received_at=signed.received_at,
        source=rules.plain(signed.wire.source or "", rules.SOURCE_LENGTH),
        target=rules.plain(signed.wire.target, rules.TARGET_LENGTH),
        headers=rules.kept_headers(signed.wire.headers),
        external_id=signed.headers.external_id,
        signed_over=signed.step.value,
        body=signed.wire.body,
        request_id=request_id,
        content_hash=content_hash,
        verdict=outcome.verdict,
        http_status=outcome.answer.http_status,
        response_code=outcome.answer.response_code,
        answer=outcome.answer.body,
        payment_id=outcome.payment_id,
        first_id=outcome.first_id,
    )


def _remember(
    message: Message,
    row: Callback,
    settled: dict[Key, First],
    refused: dict[tuple[UUID, str, bytes], First],
) -> None:
    # For the messages behind this one in the same batch.
    if row.verdict is Verdict.SETTLED:
        settled[message.key] = queries.first_of(row)
    elif row.verdict is Verdict.REFUSED:
        refused.setdefault((*message.key, message.content_hash), queries.first_of(row))


async def _keep(session: AsyncSession, rows: Sequence[Callback]) -> None:
    await queries.insert_callbacks(session, rows)
    for row in rows:
        log.info(
            "callback.answered",
            callback_id=str(row.id),
            partner_id=str(row.partner_id),
            snap_service=row.service,
            verdict=row.verdict.value,
            code=row.response_code,
        )
