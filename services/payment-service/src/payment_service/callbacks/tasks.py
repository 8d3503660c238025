from datetime import timedelta

from payment_service.callbacks import queries
from perisai_kit import clock
from perisai_kit.db import Database

EXTERNAL_IDS_KEPT_DAYS = 3
"""An X-EXTERNAL-ID counts on one Jakarta day; the rest is room for clocks that differ."""
UNPROVEN_KEPT = 200
"""Of each partner: enough for an engineer at work on a signature, and little for a stranger."""


async def every_hour(database: Database) -> None:
    """Forget dead tokens, X-EXTERNAL-IDs that count no more, and old unproven requests.

    Bounded a run.
    """
    now = clock.real_now()
    async with database.begin() as session:
        await queries.delete_tokens(session, before=now)
        last = clock.jakarta_date(now) - timedelta(days=EXTERNAL_IDS_KEPT_DAYS)
        await queries.delete_external_ids(session, before=last)
        await queries.delete_unproven(session, keep=UNPROVEN_KEPT)
