from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members import service as members
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring

BATCH = 200


class ListingTasks:
    """Periodic work for lists."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def index_words(self, database: Database) -> bool:
        """Write missing search words; return whether there is more to do."""

        async def write(session: AsyncSession, limit: int) -> int:
            return await members.index_words(session, self._keyring, limit)

        return await run_in_batches(database, write, batch=BATCH)
