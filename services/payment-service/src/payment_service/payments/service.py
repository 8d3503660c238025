"""Book what a bank reports, once, and show it to those it concerns."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import PaymentCoverage
from payment_service.bills import service as bills
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import TransferCode
from payment_service.payments import queries
from payment_service.payments.models import Payment
from payment_service.payments.rules import PaymentNotFound, Settlement
from payment_service.payments.schemas import PaymentOut
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement
from perisai_kit.events.catalogue import PaymentSettled, SettledLine
from perisai_kit.events.outbox import publish_statement
from perisai_kit.http.paging import Page, cut_page, read_cursor

STORED = tuple(column.key for column in Payment.__mapper__.column_attrs)


def settle_statements(settlements: Sequence[Settlement]) -> list[CountedStatement]:
    """Return the statements that book payments; run them together in one transaction.

    Their bills are locked and payable. There is one statement each for request ids, payments,
    bills, transfers and events, however many payments there are.
    """
    if not settlements:
        return []
    return [
        queries.use_requests_statement(settlements),
        queries.insert_payments_statement(settlements),
        bills.pay_statement({each.bill.id: each.notice.paid_at for each in settlements}),
        ledger.book_statement(
            queries.received_amounts(settlements), code=TransferCode.CONTRIBUTION_RECEIVED
        ),
        publish_statement([_settled(each) for each in settlements]),
    ]


async def get(session: AsyncSession, principal: Principal, payment_id: UUID) -> Payment:
    """Return a payment the subject may see.

    Raises: PaymentNotFound.
    """
    payment = await queries.find_payment(session, payment_id, visible(principal, Payment))
    if payment is None:
        raise PaymentNotFound
    return payment


async def show(session: AsyncSession, principal: Principal, payment_id: UUID) -> PaymentOut:
    """Return a payment the subject may see, with what became of it for the member.

    Raises: PaymentNotFound.
    """
    found = await queries.find_answered(session, payment_id, visible(principal, Payment))
    if found is None:
        raise PaymentNotFound
    return _shown(*found)


async def list_payments(
    session: AsyncSession,
    principal: Principal,
    *,
    member_id: UUID | None,
    bill_id: UUID | None,
    is_declined: bool,
    cursor: str | None,
    limit: int,
) -> Page[PaymentOut]:
    """Return the payments the subject may see, the latest first.

    Raises: CursorInvalid.
    """
    rows = await queries.list_payments(
        session,
        visible(principal, Payment),
        member_id=member_id,
        bill_id=bill_id,
        is_declined=is_declined,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda row: row[0].id).page(lambda row: _shown(*row))


def _shown(payment: Payment, answer: CoverageAnswer | None) -> PaymentOut:
    coverage = PaymentCoverage(answer.outcome) if answer else PaymentCoverage.WAITING
    stored = {name: getattr(payment, name) for name in STORED}
    return PaymentOut(
        **stored, coverage=coverage, reason_code=answer.reason_code if answer else None
    )


def _settled(settlement: Settlement) -> PaymentSettled:
    notice, bill = settlement.notice, settlement.bill
    return PaymentSettled(
        payment_id=settlement.payment_id,
        bill_id=bill.id,
        member_id=bill.member_id,
        partner_id=notice.partner_id,
        amount=notice.amount,
        issued_at=bill.issued_at,
        paid_at=notice.paid_at,
        received_at=notice.received_at,
        payer=bill.payer.value,
        lines=tuple(
            SettledLine(
                month=line.month,
                programme=line.programme.value,
                amount=line.amount,
                relief=line.relief_amount,
            )
            for line in bill.lines
        ),
    )
