from datetime import timedelta

from payment_service.callbacks import queries
from perisai_kit.db.bulk import delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock

EXTERNAL_IDS_KEPT_DAYS = 3
"""An X-EXTERNAL-ID counts on one Jakarta day; the rest is room for clocks that differ."""
UNPROVEN_KEPT = 200
"""Of each partner: enough for an engineer at work on a signature, and little for a stranger."""


async def every_ten_minutes(database: Database) -> bool:
    """Forget dead tokens, X-EXTERNAL-IDs that count no more, and old unproven requests.

    Returns whether there is more to do.
    """
    now = clock.real_now()
    last = clock.jakarta_date(now) - timedelta(days=EXTERNAL_IDS_KEPT_DAYS)
    async with database.read() as session:
        unproven = await queries.find_old_unproven(session, keep=UNPROVEN_KEPT)
    return await delete_old(
        database,
        queries.old_tokens(before=now),
        queries.old_external_ids(before=last),
        *unproven,
    )
