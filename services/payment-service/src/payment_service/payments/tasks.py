"""Measure the payments of new banks, and warn of them.

A bank that was put in to deceive pays bills that nobody has paid, so its first payments are looked
at by a person. Source: docs/banks.md, A new bank.
"""

from prometheus_client import Gauge

from payment_service.payments import service
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.runtime.log import get_logger

log = get_logger()
new_bank_payments = Gauge(
    "perisai_new_bank_payments", "Payments booked lately by bank partners that have just begun."
)


class NewBankWatch:
    """Measures how much bank partners pay that have just begun."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def run(self, database: Database) -> bool:
        """Measure, and log each new bank that has paid lately.

        Returns False: there is never more to do at once.
        """
        async with database.read() as session:
            found = await service.list_new_banks(session, self._settings)
        new_bank_payments.set(sum(each.recent for each in found))
        for each in found:
            if each.recent:
                log.warning(
                    "new_bank.counted",
                    partner_id=str(each.partner_id),
                    first_received_at=each.first_received_at.isoformat(),
                    payments=each.recent,
                )
        return False
