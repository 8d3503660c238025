"""Every table of this service, for Alembic and for the tests."""

from pathlib import Path

from member_service.attributions import models as attributions
from member_service.base import Base
from member_service.coverage import models as coverage
from member_service.declarations import models as declarations
from member_service.enrolments import models as enrolments
from member_service.members import models as members
from perisai_kit import cursors, feed, idempotency, lease, parked, pii
from perisai_kit.db import KitBase

METADATA = [KitBase.metadata, Base.metadata]
MIGRATIONS = Path(__file__).parents[2] / "migrations"

KIT_TABLES = (cursors, feed, idempotency, lease, parked, pii)
"""Their modules, imported so that their tables are known."""

__all__ = [
    "KIT_TABLES",
    "METADATA",
    "MIGRATIONS",
    "attributions",
    "coverage",
    "declarations",
    "enrolments",
    "members",
]
