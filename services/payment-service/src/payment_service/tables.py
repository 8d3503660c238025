"""Every table of this service, for Alembic and for the tests."""

from pathlib import Path

from payment_service.agents import models as agents
from payment_service.allocations import models as allocations
from payment_service.answers import models as answers
from payment_service.attributions import models as attributions
from payment_service.bank_access import models as bank_access
from payment_service.bank_credentials import models as bank_credentials
from payment_service.bank_history import models as bank_history
from payment_service.banks import models as banks
from payment_service.base import Base
from payment_service.bills import models as bills
from payment_service.bonus_reviews import models as bonus_reviews
from payment_service.callbacks import models as callbacks
from payment_service.closings import models as closings
from payment_service.commissions import models as commissions
from payment_service.counting import models as counting
from payment_service.disputes import models as disputes
from payment_service.forfeit_reversals import models as forfeit_reversals
from payment_service.incentive_holds import models as incentive_holds
from payment_service.incentive_statements import models as incentive_statements
from payment_service.ledger import models as ledger
from payment_service.month_lists import models as month_lists
from payment_service.months import models as months
from payment_service.orders import models as orders
from payment_service.payees import models as payees
from payment_service.payments import models as payments
from payment_service.payout_accounts import models as payout_accounts
from payment_service.payout_confirmations import models as payout_confirmations
from payment_service.payout_files import models as payout_files
from payment_service.payout_runs import models as payout_runs
from payment_service.payout_sending import models as payout_sending
from payment_service.payout_settlement import models as payout_settlement
from payment_service.payout_transfers import models as payout_transfers
from payment_service.payouts import models as payouts
from payment_service.scheme_comparisons import models as scheme_comparisons
from payment_service.schemes import models as schemes
from payment_service.suspense import models as suspense
from payment_service.taxes import models as taxes
from payment_service.verifications import models as verifications
from payment_service.virtual_accounts import models as virtual_accounts
from perisai_kit.jobs.models import JOBS_METADATA
from perisai_kit.services.tables import KIT_METADATA

METADATA = [KIT_METADATA, JOBS_METADATA, Base.metadata]
MIGRATIONS = Path(__file__).parent / "migrations"


__all__ = [
    "METADATA",
    "MIGRATIONS",
    "agents",
    "allocations",
    "answers",
    "attributions",
    "bank_access",
    "bank_credentials",
    "bank_history",
    "banks",
    "bills",
    "bonus_reviews",
    "callbacks",
    "closings",
    "commissions",
    "counting",
    "disputes",
    "forfeit_reversals",
    "incentive_holds",
    "incentive_statements",
    "ledger",
    "month_lists",
    "months",
    "orders",
    "payees",
    "payments",
    "payout_accounts",
    "payout_confirmations",
    "payout_files",
    "payout_runs",
    "payout_sending",
    "payout_settlement",
    "payout_transfers",
    "payouts",
    "scheme_comparisons",
    "schemes",
    "suspense",
    "taxes",
    "verifications",
    "virtual_accounts",
]
