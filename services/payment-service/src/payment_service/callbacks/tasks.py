from datetime import timedelta

from payment_service.bank_access import service as bank_access
from payment_service.callbacks import queries
from perisai_kit.db.bulk import delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date

EXTERNAL_IDS_KEPT_DAYS = 3
"""An X-EXTERNAL-ID counts on one Jakarta day; the rest is room for clocks that differ."""


async def every_ten_minutes(database: Database) -> bool:
    """Forget dead tokens, X-EXTERNAL-IDs that count no more, and old unproven requests.

    Returns whether there is more to do.
    """
    now = clock.real_now()
    last = jakarta_date(now) - timedelta(days=EXTERNAL_IDS_KEPT_DAYS)
    async with database.read() as session:
        access = await bank_access.find_old(session, now=now)
    return await delete_old(database, *access, queries.old_external_ids(before=last))
