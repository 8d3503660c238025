"""Counts the agents of wadahs when the first day of a move has come."""

from agent_service.wadah_moves import service
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database

BATCH = 100


async def count_begun(database: Database) -> bool:
    """Count anew where agents have moved; return whether there is more."""
    return await run_in_batches(database, service.count_begun, batch=BATCH)
