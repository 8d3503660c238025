"""Book what a bank reports, once, and show it to those it concerns."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations import service as allocations
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import NewAllocation
from payment_service.allocations.service import Answered
from payment_service.banks import service as banks
from payment_service.bills import people as bills
from payment_service.bills.people import BillPeople
from payment_service.payments import queries
from payment_service.payments.models import Payment
from payment_service.payments.rules import (
    NewBank,
    PaymentFilter,
    PaymentNotFound,
    Settlement,
)
from payment_service.settings import Settings
from payment_service.visibility import Sight, find_sight, visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import CountedStatement
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.paging import Slice, cut_page, parse_instant_and_id, read_cursor

EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment as the subject may see it. people: of each bill among its allocations."""

    payment: Payment
    partner_name: str
    allocations: Sequence[Answered]
    people: Mapping[UUID, BillPeople]


async def list_new_banks(session: AsyncSession, settings: Settings) -> Sequence[NewBank]:
    """Return the bank partners whose first payment is recent, and count their latest ones."""
    lately = clock.real_now() - timedelta(hours=settings.new_bank_window_h)
    return await queries.list_new_banks(
        session,
        since=clock.now() - timedelta(days=settings.new_bank_days),
        booked_since=lowest_id_of(lately),
    )


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
    return payment, own[payment.id]


async def show(session: AsyncSession, principal: Principal, payment_id: UUID) -> Shown:
    """Return a payment the subject may see, with what became of it.

    Raises: PaymentNotFound.
    """
    payment, own = await get(session, principal, payment_id)
    (shown,) = await _show(session, principal, [(payment, own)])
    return shown


async def list_payments(
    session: AsyncSession,
    principal: Principal,
    asked: PaymentFilter,
    *,
    cursor: str | None,
    limit: int,
) -> Slice[Shown]:
    """Return the payments the subject may see, the latest first.

    Whole names that are not the subject's own are recorded as read.
    Raises: DaysNeeded, CursorInvalid.
    """
    asked.check()
    rows = await queries.list_payments(
        session,
        _find_sight(principal, asked),
        asked,
        before=read_cursor(cursor, parse_instant_and_id, parts=2),
        limit=limit + 1,
    )
    found = cut_page(rows, limit, key=lambda payment: (payment.paid_at, payment.id))
    ids = [each.id for each in found.items]
    own = await allocations.list_of_payments(session, ids, visible(principal, Allocation))
    shown = await _show(session, principal, [(each, own[each.id]) for each in found.items])
    return Slice(shown, found.next_cursor)


async def export(
    session: AsyncSession, principal: Principal, asked: PaymentFilter
) -> AsyncIterator[tuple[Payment, str]]:
    """Yield the payments the subject may see, the latest first, each with its bank's name."""
    names = await banks.list_names(session)
    sight, before = _find_sight(principal, asked), None
    while True:
        rows = await queries.list_payments(
            session, sight, asked, before=before, limit=EXPORTED_AT_ONCE
        )
        for payment in rows:
            yield payment, names[payment.partner_id]
        if len(rows) < EXPORTED_AT_ONCE:
            return
        before = (rows[-1].paid_at, rows[-1].id)
        session.expunge_all()


def _find_sight(principal: Principal, asked: PaymentFilter) -> Sight:
    return find_sight(principal, agent_id=asked.agent_id, branch_code=asked.branch_code)


async def _show(
    session: AsyncSession, principal: Principal, found: Sequence[tuple[Payment, Sequence[Answered]]]
) -> list[Shown]:
    answered = [each for _, own in found for each in own]
    bill_ids = {id_ for each in answered if (id_ := each.allocation.bill_id)}
    people = await bills.list_people(session, principal, bill_ids)
    names = await banks.list_names(session) if found else {}
    return [
        Shown(
            payment=payment,
            partner_name=names[payment.partner_id],
            allocations=own,
            people={id_: people[id_] for each in own if (id_ := each.allocation.bill_id)},
        )
        for payment, own in found
    ]


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
            paying_account=notice.paying_account,
        )
        for share in settlement.shares
    ]
