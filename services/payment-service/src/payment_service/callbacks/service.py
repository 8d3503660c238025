"""Answer banks: an inquiry from the order alone, and a payment once and for all.

Nothing is acknowledged that is not committed. What bears no good signature is not kept.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access import rules as access_rules
from payment_service.bank_access.rules import Refusal, Wire
from payment_service.bank_access.schemas import Signed
from payment_service.bank_access.service import (
    Gate,
    authenticate,
    issue_token,
    prove_client,
    record_refusal,
)
from payment_service.bank_access.unproven import count_dropped
from payment_service.bills import service as bills
from payment_service.callbacks import queries, rules
from payment_service.callbacks.models import Callback
from payment_service.callbacks.reporting import report_outcome
from payment_service.callbacks.rules import CallbackOutcome, First, Repeat
from payment_service.callbacks.schemas import (
    Books,
    EarlierMessages,
    Inquiry,
    Judged,
    Message,
    Outcome,
    Places,
    Reply,
    find_place,
    inconsistent_answer,
    list_places,
    refused_answer,
    stored_answer,
)
from payment_service.orders import service as orders
from payment_service.orders.queries import Asked
from payment_service.payments import service as payments
from payment_service.payments.rules import Settlement, decide_paid_at
from perisai_kit.db.sql import Executor, execute, execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import get_logger
from snap_bi.answers import Answer, build_doubt_answer, build_inquiry_answer, build_payment_answer
from snap_bi.codes import Case, Service
from snap_bi.errors import BodyInvalid, FieldProblem
from snap_bi.messages import InquiryRequest, PaymentRequest, VirtualAccountRequest
from snap_bi.strict_json import parse_object

log = get_logger()

Request = TypeVar("Request", bound=VirtualAccountRequest)


@dataclass(frozen=True, slots=True)
class Take:
    """How a message is stored and answered: `Writer.take` of each service."""

    payment: Callable[[Message], Awaitable[Answer]]
    inquiry: Callable[[Inquiry], Awaitable[Answer]]


async def serve(gate: Gate, service: Service, wire: Wire, take: Take) -> Reply:
    """Answer one call of a bank: first check the client, then the message.

    Raises: TooManyUnproven, which is to be answered with nothing at all.
    """
    try:
        if service is Service.ACCESS_TOKEN:
            with await gate.admit(wire):
                client = await prove_client(gate, wire)
            token = await issue_token(gate, client)
            return Reply.of(token, profile=client.profile, client_key=client.client_id)
        with await gate.admit(wire):
            signed = await authenticate(gate, service, wire)
        if signed.late is not None:
            answer = await confirm_late(gate, signed, late=signed.late)
            return Reply.of(answer, profile=signed.client.profile)
    except Refusal as refused:
        log.info("callback.refused", snap_service=service.value, case=refused.case.name)
        answer = refused_answer(service, wire, refused)
        named = await record_refusal(gate, service, wire, refused=refused, answer=answer)
        return Reply.of_refusal(answer, service, wire, named)
    if service is Service.INQUIRY:
        answer = await inquire(gate, signed, take)
    else:
        answer = await pay(gate, signed, take)
    return Reply.of(answer, profile=signed.client.profile)


async def inquire(gate: Gate, signed: Signed, take: Take) -> Answer:
    """Answer an inquiry (24) from the order alone, and keep it."""
    try:
        request, dropped = _read(signed, InquiryRequest)
    except Refusal as refused:
        return await _turn_back(gate, signed, refused)
    return await take.inquiry(Inquiry(signed=signed, request=request, dropped=dropped))


async def pay(gate: Gate, signed: Signed, take: Take) -> Answer:
    """Take a payment flag (25), or say truthfully why not.

    Where our own commit is in doubt the answer is one that this bank does not read as a refusal.
    """
    try:
        try:
            message = read_payment(signed, gate.keyring)
        except Refusal as refused:
            return await _turn_back(gate, signed, refused)
        return await take.payment(message)
    except Exception as error:
        log.error("callback.not_confirmed", callback_id=str(signed.id), exc_info=error)
        return build_doubt_answer(signed.client.profile)


async def confirm_late(gate: Gate, signed: Signed, *, late: Refusal) -> Answer:
    """Answer a message that comes too late as the repeat of a settled payment, if it is one.

    The bank may repeat the very bytes and headers of a payment we hold, whose timestamp is old by
    then and whose token has ended: a refusal would make it give the customer the money back.
    Nothing is booked and no X-EXTERNAL-ID is used up.
    Raises: Refusal, `late` itself, for everything else.
    """
    try:
        message = read_payment(signed, gate.keyring)
    except Refusal:
        raise late from None
    try:
        async with gate.database.begin() as session:
            earlier = await queries.list_earlier(make_executor(session), gate.keyring, [message])
            first = earlier.settled.get(message.key)
            if first is None or first.content_hash != message.content_hash:
                raise late
            judged = Judged.of(message, _answered_before(message, first))
            await execute(session, queries.insert_callbacks_statement(gate.keyring, [judged]))
    except Refusal:
        raise
    except Exception as error:
        log.error("callback.not_confirmed", callback_id=str(signed.id), exc_info=error)
        return build_doubt_answer(signed.client.profile)
    return judged.outcome.answer


async def _turn_back(gate: Gate, signed: Signed, refused: Refusal) -> Answer:
    judged = Judged.of_unread(signed, _refused(signed, refused))
    async with gate.database.begin() as session:
        await execute(session, queries.insert_callbacks_statement(gate.keyring, [judged]))
    report_outcome(signed, judged.outcome)
    return judged.outcome.answer


def read_payment(signed: Signed, keyring: Keyring) -> Message:
    """Return a payment flag ready to be taken.

    Raises: Refusal for its form.
    """
    request, dropped = _read(signed, PaymentRequest)
    now = clock.now()
    paid = request.paid_amount.rupiah
    company, number = rules.unpad(
        signed.client,
        partner_service_id=request.partner_service_id,
        customer_no=request.customer_no,
        virtual_account_no=request.virtual_account_no,
    )
    content = rules.content(
        partner_service_id=company,
        virtual_account_no=number,
        paid_amount=paid,
        trx_id=request.trx_id,
        paid_bills=request.paid_bills,
    )
    return Message(
        signed=signed,
        request=request,
        content_hash=keyring.lookup("snap_payment", content),
        paid=paid,
        trx_at=request.trx_at,
        received_at=now,
        dropped=dropped,
    )


async def take_inquiries(
    run: Executor, keyring: Keyring, messages: Sequence[Inquiry], *, again: bool = False
) -> list[Outcome]:
    """Answer inquiries as the orders stand now, store them, and return the outcomes in their order.

    No bill is locked: what a payment decides a moment later, it decides under its own lock. One
    statement uses up the X-EXTERNAL-IDs and stores the messages that had an unused one, so `run`
    may commit after each statement.
    again: as in `take_payments`.
    """
    ids = [each.signed.id for each in messages]
    known = await queries.list_outcomes(run, keyring, ids) if again else {}
    new = [each for each in messages if each.signed.id not in known]
    if not new:
        return [known[id_] for id_ in ids]
    places = list_places(new)
    found = await orders.find_asked(run, set(places.values()))
    judge = partial(_inquired, places=places, found=found, keyring=keyring, at=clock.now())
    judged = [Judged.of(each, judge(each)) for each in new]
    stored = await queries.insert_once_inquiries(run, keyring, judged)
    if used := [each for each in judged if each.signed.id not in stored]:
        conflict = Refusal(Case.CONFLICT)
        refused = [replace(j, outcome=_refused(j.signed, conflict)) for j in used]
        judged += refused
        await execute_together(run, [queries.insert_callbacks_statement(keyring, refused)])
    known |= {each.signed.id: each.outcome for each in judged}
    return [known[id_] for id_ in ids]


async def take_payments(
    run: Executor, keyring: Keyring, messages: Sequence[Message], *, again: bool = False
) -> list[Outcome]:
    """Book what can be booked, store every message, and return the outcomes in the same order.

    The bills of the orders are locked first, by id. Later statements find the earlier messages: a
    repeat that waited for the first message sees its payment. It must not see only a paid bill,
    because after that answer some banks would refund the customer.
    again: an earlier attempt may have committed some of these messages; their stored outcomes are
    returned.
    """
    found = await orders.lock_for_payment(run, set(list_places(messages).values()))
    unused, earlier = await queries.take_up(run, keyring, messages)
    if len(unused) < len(messages):
        # This transaction may have waited for the one that used the X-EXTERNAL-ID. If they lock no
        # bill in common, only a new statement sees its rows.
        earlier = await queries.list_earlier(run, keyring, messages)
    ids = [each.signed.id for each in messages]
    known = await queries.list_outcomes(run, keyring, ids) if again else {}
    new = [message for message in messages if message.signed.id not in known]
    if new:
        books = Books(found, unused, earlier)
        if late := [bill for order in found.values() for bill in order.late_reports]:
            books.paid_months, books.open_bills = await bills.read_for_late_reports(run, late)
        judged = [judge(message, books, keyring) for message in new]
        writes = [
            *payments.settle_statements(books.settlements),
            *bills.void_statements(books.voided),
            queries.insert_callbacks_statement(keyring, judged),
        ]
        await execute_together(run, writes)
        known |= {each.signed.id: each.outcome for each in judged}
    return [known[id_] for id_ in ids]


def judge(message: Message, books: Books, keyring: Keyring) -> Judged:
    """Decide what a message comes to, and note it in the books for those behind it."""
    try:
        outcome = _repeated(message, books.earlier) or _settled(message, books, keyring)
    except Refusal as refused:
        outcome = _refused(message.signed, refused)
    first = First(
        callback_id=message.signed.id,
        payment_id=outcome.payment_id,
        external_id=message.signed.headers.external_id,
        content_hash=message.content_hash,
        http_status=outcome.answer.http_status,
        response_code=outcome.answer.response_code,
        answer=outcome.answer.body,
    )
    books.earlier.note(message.key, outcome.verdict, first)
    judged = Judged.of(message, outcome)
    if outcome.verdict in rules.NOT_TAKEN:
        place = list_places([message]).get(message.signed.id)
        order = None if place is None else books.orders.get(place)
        judged = replace(judged, offered=message.paid, order_id=order.id if order else None)
    return judged


async def list_callbacks(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[Callback]:
    """Return a partner's signed messages, newest first."""
    return await queries.list_callbacks(session, partner_id, before=before, limit=limit)


def _inquired(
    inquiry: Inquiry, *, places: Places, found: Asked, keyring: Keyring, at: datetime
) -> Outcome:
    signed, request = inquiry.signed, inquiry.request
    client = signed.client
    try:
        rules.check_active(client)
        place = places.get(signed.id) or find_place(inquiry)
        order = found.get(place)
        if order is None:
            raise Refusal(Case.INVALID_BILL, rules.NOT_FOUND)
        rules.check_inquired(order.bills, at=at)
    except Refusal as refused:
        return _refused(signed, refused)
    name = orders.read_shown_name(order, keyring, partner_id=place[0], customer_no=place[1])
    answer = build_inquiry_answer(client.profile, request, name=name, amount=order.amount)
    return Outcome(answer=answer, verdict=CallbackOutcome.ANSWERED)


def _settled(message: Message, books: Books, keyring: Keyring) -> Outcome:
    client, request = message.signed.client, message.request
    if message.signed.id not in books.unused:
        raise Refusal(Case.CONFLICT)
    rules.check_active(client)
    partner_id, customer_no = find_place(message)
    order = books.find_order(partner_id, customer_no)
    if order is None:
        raise Refusal(Case.INVALID_BILL, rules.NOT_FOUND)
    paid_at = decide_paid_at(
        message.trx_at,
        issued_at=order.issued_at,
        received_at=message.received_at,
        tolerance=client.bank_time_tolerance,
    )
    shares = rules.divide(
        client,
        order.bills,
        paid=message.paid,
        paid_at=paid_at.at,
        paid_months=books.paid_months,
    )
    notice = message.notice(paid_at, keyring)
    settlement = Settlement(new_id(), message.signed.id, order.id, notice, shares)
    books.settle(settlement)
    name = orders.read_shown_name(order, keyring, partner_id=partner_id, customer_no=customer_no)
    answer = build_payment_answer(client.profile, request, name=name, total_amount=order.amount)
    return Outcome(
        answer=answer,
        verdict=CallbackOutcome.SETTLED,
        payment_id=settlement.payment_id,
        paid_at=paid_at,
    )


def _repeated(message: Message, earlier: EarlierMessages) -> Outcome | None:
    first = earlier.settled.get(message.key) or earlier.refused.get(
        (message.key, message.content_hash)
    )
    return None if first is None else _answered_before(message, first)


def _answered_before(message: Message, first: First) -> Outcome:
    kind = rules.repeat(
        first,
        content_hash=message.content_hash,
        external_id=message.signed.headers.external_id,
        wanted=message.signed.client.replay_answer,
    )
    match kind:
        case Repeat.AS_STORED:
            answer, verdict = stored_answer(first), CallbackOutcome.REPEATED
        case Repeat.INCONSISTENT:
            answer, verdict = inconsistent_answer(first), CallbackOutcome.REPEATED
        case Repeat.OTHER_CONTENT:
            # With its own numbers and a rejecting flag: a bank that reads the flag must not take
            # the success of another payment for this one's.
            refused = Refusal(Case.INCONSISTENT_REQUEST)
            answer = refused_answer(Service.PAYMENT, message.signed.wire, refused)
            verdict = CallbackOutcome.CONFLICT
    return Outcome(answer=answer, verdict=verdict, first_id=first.callback_id)


def _refused(signed: Signed, refused: Refusal) -> Outcome:
    return Outcome(
        answer=refused_answer(signed.service, signed.wire, refused),
        verdict=rules.verdict_of(refused),
    )


def _read(signed: Signed, kind: type[Request]) -> tuple[Request, tuple[str, ...]]:
    """Return a message and the names of the fields it was read without. Raises: Refusal."""
    dropped: set[str] = {"CHANNEL-ID"} if signed.headers.channel_id is None else set()
    try:
        body = parse_object(signed.wire.body)
        request = kind.read_for(signed.client.profile, body, dropped=dropped)
    except BodyInvalid:
        raise Refusal(Case.BAD_REQUEST) from None
    except FieldProblem as problem:
        raise access_rules.malformed(signed.service, problem) from None
    if not dropped:
        return request, ()
    count_dropped(signed.service, kind, dropped)
    return request, rules.shown_names(dropped)
