"""Every table of this service, for Alembic."""

from pathlib import Path

from agent_service.activity import models as activity
from agent_service.agent_wadahs import models as agent_wadahs
from agent_service.agents import models as agents
from agent_service.agreements import models as agreements
from agent_service.applications import models as applications
from agent_service.asked_niks import models as asked_niks
from agent_service.bank_accounts import models as bank_accounts
from agent_service.base import Base
from agent_service.branches import models as branches
from agent_service.exams import models as exams
from agent_service.requirements import models as requirements
from agent_service.tax_identities import models as tax_identities
from agent_service.trainings import models as trainings
from agent_service.wadahs import models as wadahs
from perisai_kit.services.tables import KIT_METADATA

MIGRATIONS = Path(__file__).parent / "migrations"
FEATURES = (
    activity,
    agent_wadahs,
    agents,
    agreements,
    applications,
    asked_niks,
    bank_accounts,
    branches,
    exams,
    requirements,
    tax_identities,
    trainings,
    wadahs,
)
METADATA = [KIT_METADATA, Base.metadata]
