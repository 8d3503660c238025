"""Bring corrected names to bills. member-service tells that a name has changed, not which it is."""

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.members import MembersClient
from payment_service.orders import service
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Unavailable
from perisai_kit.events.catalogue import MemberUpdated

NAME = "full_name"
BATCH = 20
"""All their bills are locked together; member-service answers up to a hundred."""


async def on_member_updated(session: AsyncSession, event: MemberUpdated) -> None:
    """Note a member whose name has changed."""
    if NAME in event.changed:
        await service.note_renamed(session, event.member_id)


class Renaming:
    """Asks for corrected names and puts them on the bills; no call is made in a transaction."""

    def __init__(self, members: MembersClient) -> None:
        self._members = members

    async def run(self, database: Database) -> bool:
        """Rename what is noted; return whether there is more."""
        async with database.read() as session:
            noted_at = await service.list_renamed(session, limit=BATCH)
        if not noted_at:
            return False
        try:
            bases = await self._members.contribution_bases(list(noted_at))
        except Unavailable:
            return False  # they stay noted
        names = {member_id: basis.display_name for member_id, basis in bases.items()}
        async with database.begin() as session:
            await service.rename(session, names, noted_at)
        return len(noted_at) == BATCH
