from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.listings import queries
from member_service.members import service as members
from member_service.registrations.rules import Terms
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring

BATCH = 200


class ListingTasks:
    """Periodic work for lists. terms: from the settings of the service."""

    def __init__(self, terms: Terms, keyring: Keyring) -> None:
        self._terms = terms
        self._keyring = keyring

    async def index_words(self, database: Database) -> bool:
        """Write missing search words; return whether there is more to do."""

        async def write(session: AsyncSession, limit: int) -> int:
            return await members.index_words(session, self._keyring, limit)

        return await run_in_batches(database, write, batch=BATCH)

    async def repair(self, database: Database) -> bool:
        """Judge again whom the version before judged; return whether there is more to do."""

        async def judge(session: AsyncSession, limit: int) -> int:
            found = await queries.list_to_judge(session, limit)
            if found:
                await allocations.judge_members(session, found, self._terms)
            return len(found)

        return await run_in_batches(database, judge, batch=BATCH)
