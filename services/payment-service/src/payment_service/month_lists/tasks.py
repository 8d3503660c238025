"""Measure every hour what is unpaid or not even closed, and warn before it is late."""

from prometheus_client import Gauge

from payment_service.month_lists import service
from payment_service.month_lists.rules import DueStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

log = get_logger()
unpaid_statements = Gauge(
    "perisai_unpaid_statements",
    "Statements that may be paid and are not: `late`, or `due_soon`.",
    ["status"],
)
unpaid_rupiah = Gauge("perisai_unpaid_statements_rupiah", "What they owe.", ["status"])


unclosed_months = Gauge(
    "perisai_unclosed_months",
    "Months that are over and not closed: `late`, or `due_soon`.",
    ["status"],
)


class DueWatch:
    """Measures which incentives are late, or soon will be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def run(self, database: Database) -> bool:
        """Measure, and log what is unpaid near the due day or after it.

        Returns False: there is never more to do at once.
        """
        async with database.begin() as session:
            found = await service.measure(session, self._settings)
        for status, unpaid in found.unpaid.items():
            unpaid_statements.labels(status.value).set(unpaid.count)
            unpaid_rupiah.labels(status.value).set(unpaid.amount)
        for status, count in found.unclosed.items():
            unclosed_months.labels(status.value).set(count)
        late, soon = found.unpaid[DueStatus.LATE], found.unpaid[DueStatus.DUE_SOON]
        if late.count or soon.count:
            log.warning(
                "unpaid_statements.counted",
                late=late.count,
                late_rupiah=late.amount,
                due_soon=soon.count,
                due_soon_rupiah=soon.amount,
            )
        if any(found.unclosed.values()):
            log.warning(
                "unclosed_months.counted",
                **{status.value: count for status, count in found.unclosed.items()},
            )
        return False
