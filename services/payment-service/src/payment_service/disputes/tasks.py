from prometheus_client import Gauge

from payment_service.disputes import service
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

log = get_logger()
overdue = Gauge("perisai_disputes_overdue", "Disputes that wait longer than promised.")


async def every_hour(database: Database) -> bool:
    """Measure how many disputes are overdue, and log it where there are any.

    Returns False: there is never more to do at once.
    """
    async with database.read() as session:
        count = await service.count_overdue(session)
    overdue.set(count)
    if count:
        log.warning("disputes.counted", overdue=count)
    return False
