from member_service.asked_niks import queries
from perisai_kit.db.bulk import delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.privacy.day_limits import COUNTED


async def delete_uncounted(database: Database) -> bool:
    """Delete the NIKs that count no longer; return whether there is more."""
    return await delete_old(database, queries.get_old(before=clock.now() - COUNTED))
