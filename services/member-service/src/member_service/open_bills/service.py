"""The open bill of each member, from the events of payment-service: no list asks for it.

Two subscriptions read them: one of bills, and that of payments, which closes what is paid with the
allocation itself. They are not in step, so a bill may be paid before it is known as issued.
"""

from collections.abc import Collection, Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.open_bills import queries
from member_service.open_bills.models import OpenBill
from member_service.updates import service as updates
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    BillEnded,
    BillIssued,
    BillReplaced,
    BillVoided,
)

BillClosed: TypeAlias = BillReplaced | BillVoided | BillEnded


async def take(session: AsyncSession, events: Sequence[BillIssued | BillClosed]) -> None:
    """Store the bills that are open after these events, in the order of the feed.

    A fixed number of statements, however many events. A bill is closed after it was issued, and the
    events of one member come in order; so the last issued bill is the open one unless it is closed
    in the batch, or paid.
    """
    # The marks of the members lock out a payment of the same bill: it is either known below, or
    # closes what is stored here.
    await updates.touch(session, {each.member_id for each in events})
    closed = {each.bill_id for each in events if not isinstance(each, BillIssued)}
    issued = {each.member_id: each for each in events if isinstance(each, BillIssued)}
    paid = await allocations.list_paid_bills(session, issued) if issued else frozenset()
    rows = [
        {
            "member_id": each.member_id,
            "bill_id": each.bill_id,
            "amount": each.amount,
            "ends_at": each.expires_at,
        }
        for each in issued.values()
        if each.bill_id not in closed | paid
    ]
    await queries.delete_bills(session, closed)
    if rows:
        await queries.upsert_bills(session, rows)


async def close_paid(session: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """Close bills whose payment was recorded in this transaction; there may be none."""
    if bill_ids:
        await queries.delete_bills(session, bill_ids)


async def list_open(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, OpenBill]:
    """Return the bills of these members that take money now, by member id."""
    return await queries.list_bills(session, member_ids, at=clock.now())
