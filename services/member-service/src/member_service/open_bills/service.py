"""The open bill of each member, from the events of payment-service: no list asks for it."""

from collections.abc import Collection, Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.open_bills import queries
from member_service.open_bills.models import OpenBill
from member_service.updates import service as updates
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    BillEnded,
    BillIssued,
    BillReplaced,
    BillVoided,
    PaymentSettled,
)

BillClosed: TypeAlias = BillReplaced | BillVoided | BillEnded | PaymentSettled


async def take(session: AsyncSession, events: Sequence[BillIssued | BillClosed]) -> None:
    """Store the bills that are open after these events, in the order of the feed.

    Two statements, however many events. A bill is closed after it was issued, and the events of one
    member come in order; so the last issued bill is the open one unless it is closed in the batch.
    """
    closed = {each.bill_id for each in events if not isinstance(each, BillIssued)}
    issued = {each.member_id: each for each in events if isinstance(each, BillIssued)}
    rows = [
        {
            "member_id": each.member_id,
            "bill_id": each.bill_id,
            "amount": each.amount,
            "ends_at": each.expires_at,
        }
        for each in issued.values()
        if each.bill_id not in closed
    ]
    await updates.touch(session, {each.member_id for each in events})
    await queries.delete_bills(session, closed)
    if rows:
        await queries.upsert_bills(session, rows)


async def list_open(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, OpenBill]:
    """Return the bills of these members that take money now, by member id."""
    return await queries.list_bills(session, member_ids, at=clock.now())
