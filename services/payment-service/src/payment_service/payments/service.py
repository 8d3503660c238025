"""Book what a bank reports, once, and show it to those it concerns."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations import service as allocations
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import NewAllocation
from payment_service.allocations.service import Answered
from payment_service.payments import queries
from payment_service.payments.models import Payment
from payment_service.payments.rules import PaymentNotFound, Settlement
from payment_service.payments.schemas import PaymentOut
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.paging import Page, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read

STORED = tuple(column.key for column in Payment.__mapper__.column_attrs)


def settle_statements(settlements: Sequence[Settlement]) -> list[CountedStatement]:
    """Return the statements that book payments; run them together in one transaction.

    Their bills are locked and payable. The number of statements is the same for any number of
    payments.
    """
    if not settlements:
        return []
    return [
        queries.use_requests_statement(settlements),
        queries.insert_payments_statement(settlements),
        *allocations.allocate_statements(
            [new for settlement in settlements for new in _allocate(settlement)]
        ),
    ]


async def get(
    session: AsyncSession, principal: Principal, payment_id: UUID
) -> tuple[Payment, list[Answered]]:
    """Return a payment with those of its allocations that the subject may see.

    Raises: PaymentNotFound.
    """
    seen = visible(principal, Allocation)
    payment = await queries.find_payment(session, payment_id, seen)
    if payment is None:
        raise PaymentNotFound
    own = await allocations.list_of_payments(session, [payment.id], seen)
    _audit_read(own)
    return payment, own[payment.id]


async def show(session: AsyncSession, principal: Principal, payment_id: UUID) -> PaymentOut:
    """Return a payment the subject may see, with what became of it.

    Raises: PaymentNotFound.
    """
    return _shown(*await get(session, principal, payment_id))


async def list_payments(
    session: AsyncSession,
    principal: Principal,
    *,
    member_id: UUID | None,
    bill_id: UUID | None,
    order_id: UUID | None,
    is_declined: bool,
    cursor: str | None,
    limit: int,
) -> Page[PaymentOut]:
    """Return the payments the subject may see, the latest first.

    Raises: CursorInvalid.
    """
    seen = visible(principal, Allocation)
    rows = await queries.list_payments(
        session,
        seen,
        member_id=member_id,
        bill_id=bill_id,
        order_id=order_id,
        is_declined=is_declined,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    found = cut_page(rows, limit, key=lambda payment: payment.id)
    own = await allocations.list_of_payments(session, [each.id for each in found.items], seen)
    _audit_read(own)
    return found.page(lambda payment: _shown(payment, own[payment.id]))


def _audit_read(own: Mapping[UUID, Sequence[Answered]]) -> None:
    audit_read(each.allocation.member_id for answered in own.values() for each in answered)


def _allocate(settlement: Settlement) -> list[NewAllocation]:
    notice = settlement.notice
    return [
        NewAllocation(
            id=new_id(),
            payment_id=settlement.payment_id,
            partner_id=notice.partner_id,
            share=share,
            counts_at=notice.paid_at,
            business_on=jakarta_date(notice.paid_at),
            allocated_at=notice.received_at,
        )
        for share in settlement.shares
    ]


def _shown(payment: Payment, own: Sequence[Answered]) -> PaymentOut:
    return PaymentOut.of(
        {name: getattr(payment, name) for name in STORED},
        [(each.allocation, each.coverage, each.reason_code) for each in own],
    )
