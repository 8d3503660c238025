"""Bring corrected facts to bills. member-service names the fields that changed, not the values."""

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.members import MembersClient
from payment_service.orders import service
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Unavailable
from perisai_kit.events.catalogue import MemberUpdated, RegistrationCorrected

NAME = "full_name"
JUDGED = frozenset({"birth_date", "endings"})
"""Fields of a member that decide what can be billed."""
BATCH = 20
"""All their bills are locked together; member-service answers up to a hundred."""


async def on_member_updated(session: AsyncSession, event: MemberUpdated) -> None:
    """Note a member whose bills follow a correction."""
    is_judged = bool(JUDGED.intersection(event.changed))
    if is_judged or NAME in event.changed:
        await service.note_corrected(session, event.member_id, is_judged=is_judged)


async def on_registration_corrected(session: AsyncSession, event: RegistrationCorrected) -> None:
    """Note a member whose registration is another, or none any more."""
    await service.note_corrected(session, event.member_id, is_judged=True)


class Correcting:
    """Asks what holds for corrected members now, and lets their bills follow.

    No call is made in a transaction.
    """

    def __init__(self, members: MembersClient) -> None:
        self._members = members

    async def run(self, database: Database) -> bool:
        """Let the bills of noted members follow; return whether there is more."""
        async with database.read() as session:
            noted = await service.list_corrected(session, limit=BATCH)
        if not noted:
            return False
        try:
            bases = await self._members.contribution_bases([each.member_id for each in noted])
        except Unavailable:
            return False  # they stay noted
        async with database.begin() as session:
            await service.follow_corrections(session, bases, noted)
        return len(noted) == BATCH
