"""Use payments: allocate them to bills, or keep them in suspense."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations import queries
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import (
    AllocationKind,
    AllocationReason,
    Counted,
    NewAllocation,
    Share,
)
from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AllocationCoverage
from payment_service.bills import queries as bills
from payment_service.bills.rules import LockedBill
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import TransferCode
from perisai_kit.db.sql import CountedStatement, execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import (
    AllocationReversed,
    PaymentSettled,
    SettledLine,
)
from perisai_kit.events.outbox import publish, publish_statement


@dataclass(frozen=True, slots=True)
class Answered:
    """An allocation with member-service's answer to it, if there is one yet."""

    allocation: Allocation
    answer: CoverageAnswer | None

    @property
    def is_settling(self) -> bool:
        """Whether it was made for a bill, also if it was taken back since."""
        return self.allocation.kind is AllocationKind.BILL and self.allocation.amount > 0

    @property
    def coverage(self) -> AllocationCoverage | None:
        """What became of it for the member; None: it is not for a bill."""
        if not self.is_settling:
            return None
        return (
            AllocationCoverage(self.answer.outcome) if self.answer else AllocationCoverage.WAITING
        )

    @property
    def reason_code(self) -> str | None:
        return self.answer.reason_code if self.answer and self.is_settling else None


def allocate_statements(new: Sequence[NewAllocation]) -> list[CountedStatement]:
    """Return the statements that allocate payments; run them with those that insert the payments.

    Their bills are locked and payable. There is one statement each for allocations, bills,
    transfers and events, however many there are, and one more for what is kept in suspense.
    """
    settled = [each for each in new if each.kind is AllocationKind.BILL]
    suspended = [each for each in new if each.kind is AllocationKind.SUSPENSE]
    statements = [queries.insert_statement(new)]
    if settled:
        statements += _settle_statements(settled, code=TransferCode.CONTRIBUTION_RECEIVED)
    if suspended:
        statements.append(
            ledger.book_statement(
                queries.suspended_statement(suspended), code=TransferCode.SUSPENSE_RECEIVED
            )
        )
    return statements


def _settle_statements(
    settled: Sequence[NewAllocation], *, code: TransferCode
) -> list[CountedStatement]:
    paid_at = {each.settled_bill.id: each.counts_at for each in settled if each.settled_bill}
    return [
        bills.pay_statement(paid_at),
        ledger.book_statement(queries.received_statement(settled), code=code),
        publish_statement([_settled(each) for each in settled]),
    ]


async def suspend(
    session: AsyncSession, found: Sequence[tuple[Allocation, UUID]], reason: AllocationReason
) -> None:
    """Move allocations to bills that stand to suspense. found: each with its bank partner."""
    taken_back = await reverse(session, [each for each, _ in found], reason)
    withdrawn = [
        (opposite_id, partner_id, allocation.bill_id)
        for opposite_id, (allocation, partner_id) in zip(taken_back, found, strict=True)
        if allocation.bill_id is not None
    ]
    amounts = queries.withdrawn_statement(withdrawn, business_on=clock.today())
    await ledger.book(session, amounts, code=TransferCode.CONTRIBUTION_SUSPENDED)
    await _keep(session, [each for each, _ in found], reason)
    await publish(session, *(_reversed(each, reason) for each, _ in found))


async def reverse(
    session: AsyncSession, taken_back: Sequence[Allocation], reason: AllocationReason
) -> list[UUID]:
    """Insert what takes allocations back, and return the ids of that; books no transfers.

    A unique index refuses what would take one back twice.
    """
    now = clock.now()
    ids = [new_id() for _ in taken_back]
    rows = [
        {
            "payment_id": each.payment_id,
            "id": id_,
            "kind": each.kind,
            "bill_id": each.bill_id,
            "member_id": each.member_id,
            "amount": -each.amount,
            "counts_at": each.counts_at,
            "reason": reason,
            "reverses": each.id,
            "allocated_at": now,
        }
        for id_, each in zip(ids, taken_back, strict=True)
    ]
    await queries.insert_allocations(session, rows)
    return ids


async def apply_suspense(
    session: AsyncSession, item: Allocation, *, bill: LockedBill, partner_id: UUID, at: Counted
) -> tuple[UUID, UUID | None]:
    """Use money in suspense for a bill, which is locked and payable.

    Return the allocation, and that of what is left of the money: it stays in suspense with its
    reason and age.
    """
    await reverse(session, [item], AllocationReason.ALLOCATED)
    new = NewAllocation(
        id=new_id(),
        payment_id=item.payment_id,
        partner_id=partner_id,
        share=Share(bill.amount, bill),
        counts_at=at.counts_at,
        business_on=jakarta_date(at.decided_at),
        allocated_at=at.decided_at,
    )
    settled = _settle_statements([new], code=TransferCode.SUSPENSE_APPLIED)
    await execute_together(make_executor(session), [queries.insert_statement([new]), *settled])
    if item.amount == bill.amount:
        return new.id, None
    rest = _make_kept_row(item, item.amount - bill.amount, item.reason, since=item.allocated_at)
    await queries.insert_allocations(session, [rest])
    return new.id, rest["id"]


async def _keep(
    session: AsyncSession, taken_back: Sequence[Allocation], reason: AllocationReason
) -> None:
    """Keep in suspense what was taken back from bills."""
    now = clock.now()
    rows = [_make_kept_row(each, each.amount, reason, since=now) for each in taken_back]
    await queries.insert_allocations(session, rows)


def _make_kept_row(
    allocation: Allocation, amount: int, reason: AllocationReason | None, *, since: datetime
) -> dict[str, Any]:
    return {
        "payment_id": allocation.payment_id,
        "id": new_id(),
        "kind": AllocationKind.SUSPENSE,
        "bill_id": allocation.bill_id,
        "member_id": allocation.member_id,
        "amount": amount,
        "counts_at": allocation.counts_at,
        "reason": reason,
        "allocated_at": since,
    }


async def list_of_payments(
    session: AsyncSession, payment_ids: Collection[UUID], visible: ColumnElement[bool]
) -> dict[UUID, list[Answered]]:
    """Return the visible allocations of payments, in the order they were made, by payment."""
    found: dict[UUID, list[Answered]] = {payment_id: [] for payment_id in payment_ids}
    for allocation, answer in await queries.list_of_payments(session, payment_ids, visible):
        found[allocation.payment_id].append(Answered(allocation, answer))
    return found


def _reversed(allocation: Allocation, reason: AllocationReason) -> AllocationReversed:
    assert allocation.bill_id is not None, "an allocation to a bill has one"
    assert allocation.member_id is not None, "and its member"
    return AllocationReversed(
        allocation_id=allocation.id,
        payment_id=allocation.payment_id,
        bill_id=allocation.bill_id,
        member_id=allocation.member_id,
        amount=allocation.amount,
        reversed_at=clock.now(),
        reason_code=reason,
    )


def _settled(new: NewAllocation) -> PaymentSettled:
    bill = new.settled_bill
    assert bill is not None, "an allocation to a bill has one"
    return PaymentSettled(
        allocation_id=new.id,
        payment_id=new.payment_id,
        bill_id=bill.id,
        member_id=bill.member_id,
        partner_id=new.partner_id,
        amount=new.share.amount,
        issued_at=bill.issued_at,
        counts_at=new.counts_at,
        received_at=new.allocated_at,
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
        paying_account=new.paying_account,
    )
