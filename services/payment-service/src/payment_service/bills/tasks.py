from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import service
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import RegistrationEnded

BATCH = 500
MEMBERS = "bills.members"
"""The subscription to member-service's feed."""


async def on_registration_ended(session: AsyncSession, event: RegistrationEnded) -> None:
    """Withdraw the open bill of a member whose registration ends."""
    await service.void_of_member(session, event.member_id)


async def every_minute(database: Database, *, late_notice_h: int) -> bool:
    """End bills that nobody can pay any more; return whether there is more to do."""

    async def end(session: AsyncSession, limit: int) -> int:
        return await service.end_overdue(session, late_notice_h=late_notice_h, limit=limit)

    return await run_in_batches(database, end, batch=BATCH)
