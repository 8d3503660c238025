"""Warn of credentials of banks that end soon. Source: docs/banks.md."""

from datetime import timedelta

from prometheus_client import Gauge

from payment_service.bank_credentials import service
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.runtime.log import get_logger

log = get_logger()
ending_credentials = Gauge(
    "perisai_bank_credentials_ending", "Previous credentials of bank partners that end soon."
)


class CredentialWatch:
    """Counts the previous credentials of banks that end within the configured days."""

    def __init__(self, settings: Settings) -> None:
        self._warned_for = timedelta(days=settings.credential_warning_days)

    async def run(self, database: Database) -> bool:
        """Count, and log each of them. Returns False: there is never more to do at once."""
        before = clock.real_now() + self._warned_for
        async with database.read() as session:
            found = await service.list_ending(session, before=before)
        ending_credentials.set(len(found))
        for partner_id, until in found:
            log.warning(
                "bank_credential.counted", partner_id=str(partner_id), until=until.isoformat()
            )
        return False
