"""Every table of this service, for Alembic and for the tests."""

from pathlib import Path

from member_service.allocations import models as allocations
from member_service.asked_niks import models as asked_niks
from member_service.attribution_periods import models as attribution_periods
from member_service.attributions import models as attributions
from member_service.base import Base
from member_service.consents import models as consents
from member_service.corrections import models as corrections
from member_service.declarations import models as declarations
from member_service.endings import models as endings
from member_service.enrolments import models as enrolments
from member_service.evidence import models as evidence
from member_service.handovers import models as handovers
from member_service.holidays import models as holidays
from member_service.members import models as members
from member_service.open_bills import models as open_bills
from member_service.registrations import models as registrations
from member_service.risk_flags import models as risk_flags
from member_service.search_words import models as search_words
from member_service.updates import models as updates
from perisai_kit.services.tables import KIT_METADATA

METADATA = [KIT_METADATA, Base.metadata]
MIGRATIONS = Path(__file__).parent / "migrations"


__all__ = [
    "METADATA",
    "MIGRATIONS",
    "allocations",
    "asked_niks",
    "attribution_periods",
    "attributions",
    "consents",
    "corrections",
    "declarations",
    "endings",
    "enrolments",
    "evidence",
    "handovers",
    "holidays",
    "members",
    "open_bills",
    "registrations",
    "risk_flags",
    "search_words",
    "updates",
]
