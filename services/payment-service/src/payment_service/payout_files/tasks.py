"""The worker's part of payouts by file: it applies the answers that two officers agreed on."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_files import service
from perisai_kit.db.bulk import run_steps
from perisai_kit.db.engine import Database


async def has_answers(session: AsyncSession) -> bool:
    """Tell whether a confirmed answer waits to be applied."""
    return await service.has_confirmed(session)


async def apply_answers(database: Database) -> bool:
    """Apply confirmed answers row by row; return whether there is more."""
    return await run_steps(partial(_apply_next, database))


async def _apply_next(database: Database) -> bool:
    async with database.begin() as session:
        return await service.apply_next(session)
