from payment_service.bills import service
from perisai_kit.db import Database

BATCH = 500
MAX_BATCHES = 20


async def every_minute(database: Database, *, late_notice_h: int) -> None:
    """Expire bills that nobody can pay any more; at most 10,000 a run."""
    for _ in range(MAX_BATCHES):
        async with database.begin() as session:
            count = await service.expire_overdue(session, late_notice_h=late_notice_h, limit=BATCH)
        if count < BATCH:
            return
