"""Every table of this service, for Alembic and for the tests."""

from pathlib import Path

from payment_service.banks import models as banks
from payment_service.base import Base
from payment_service.bills import models as bills
from payment_service.callbacks import models as callbacks
from payment_service.commissions import models as commissions
from payment_service.earnings import models as earnings
from payment_service.ledger import models as ledger
from payment_service.payments import models as payments
from payment_service.schemes import models as schemes
from payment_service.statements import models as statements
from perisai_kit.services.tables import KIT_METADATA

METADATA = [KIT_METADATA, Base.metadata]
MIGRATIONS = Path(__file__).parent / "migrations"


__all__ = [
    "METADATA",
    "MIGRATIONS",
    "banks",
    "bills",
    "callbacks",
    "commissions",
    "earnings",
    "ledger",
    "payments",
    "schemes",
    "statements",
]
