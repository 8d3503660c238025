"""The worker's part of payouts by file: it applies the answers that two officers agreed on."""

import time

from payment_service.payout_files import service
from perisai_kit.db.bulk import RUN_S
from perisai_kit.db.engine import Database


async def apply_answers(database: Database) -> bool:
    """Apply confirmed answers row by row; return whether there is more."""
    deadline = time.monotonic() + RUN_S
    while True:
        async with database.begin() as session:
            if not await service.apply_next(session):
                return False
        if time.monotonic() >= deadline:
            return True
