from payment_service.bank_access import service as bank_access
from perisai_kit.db.bulk import delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock


async def every_ten_minutes(database: Database) -> bool:
    """Forget dead tokens and old unproven requests.

    Returns whether there is more to do.
    """
    async with database.read() as session:
        old = await bank_access.find_old(session, now=clock.real_now())
    return await delete_old(database, *old)
