"""Copies the accounts of agents from before this table, and of agents the version before makes."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.bank_accounts import service
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring

BATCH = 200


@dataclass(frozen=True, slots=True)
class Copying:
    """Seals each account for its new row, which a migration, without keys, could not do."""

    keyring: Keyring

    async def run(self, database: Database) -> bool:
        """Copy what is missing; return whether there is more."""
        return await run_in_batches(database, self._copy, batch=BATCH)

    async def _copy(self, session: AsyncSession, limit: int) -> int:
        return await service.record_missing(session, limit, keyring=self.keyring)
