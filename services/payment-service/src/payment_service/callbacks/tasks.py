from datetime import timedelta

from payment_service.callbacks import queries
from perisai_kit import clock
from perisai_kit.db import Database

EXTERNAL_IDS_KEPT_DAYS = 3
"""An X-EXTERNAL-ID counts on one Jakarta day; the rest is room for clocks that differ."""


async def every_hour(database: Database) -> None:
    """Forget dead tokens and X-EXTERNAL-IDs that count no more; bounded a run."""
    now = clock.real_now()
    async with database.begin() as session:
        await queries.delete_tokens(session, before=now)
        last = clock.jakarta_date(now) - timedelta(days=EXTERNAL_IDS_KEPT_DAYS)
        await queries.delete_external_ids(session, before=last)
