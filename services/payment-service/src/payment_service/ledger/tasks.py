from payment_service.ledger import service
from perisai_kit.db.engine import Database


async def every_hour(database: Database) -> None:
    """Store balances, so that reading one need not add up everything since the beginning."""
    # Two transactions: the first stops writers and must end at once, the second adds up.
    async with database.begin() as session:
        through_id = await service.boundary(session)
    async with database.begin() as session:
        await service.take_snapshot(session, through_id=through_id)
