from member_service.asked_niks.models import AskedNik
from perisai_kit.db.engine import Database
from perisai_kit.privacy import asked_niks


async def delete_uncounted(database: Database) -> bool:
    """Delete the NIKs that count no longer; return whether there is more."""
    return await asked_niks.delete_uncounted(database, AskedNik)
