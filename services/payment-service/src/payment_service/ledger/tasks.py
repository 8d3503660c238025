import asyncio

from payment_service.ledger import service
from perisai_kit.db.engine import Database, allow_minutes

SNAPSHOT_MINUTES = 10
"""Of all transfers since the last one, which may be those of a week."""
ATTEMPTS, PAUSE_S = 60, 0.5
"""Half a minute: a transaction that lasts longer puts the snapshot off for an hour."""


async def every_hour(database: Database, *, attempts: int = ATTEMPTS) -> bool:
    """Store balances, so that reading one need not add up everything since the beginning.

    Takes no lock. Returns False: there is never more to do at once.
    """
    async with database.read() as session:
        boundary = await service.read_boundary(session)
    for _ in range(attempts):
        async with database.read() as session:
            is_settled = await service.is_settled(session, boundary)
        if is_settled:
            async with database.begin() as session:
                await allow_minutes(session, SNAPSHOT_MINUTES)
                await service.take_snapshot(session, boundary)
            break
        await asyncio.sleep(PAUSE_S)
    return False
