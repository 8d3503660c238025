"""Every table of the gateway, for Alembic."""

from pathlib import Path

from gateway.accounts import models as accounts
from gateway.base import Base
from gateway.changes import models as changes
from gateway.confirmations import models as confirmations
from gateway.keys import models as keys
from gateway.notices import models as notices
from gateway.otp import models as otp
from gateway.people import models as people
from gateway.sessions import models as sessions
from gateway.throttles import models as throttles
from perisai_kit.services.tables import KIT_METADATA

FEATURES = (accounts, changes, confirmations, keys, notices, otp, people, sessions, throttles)
MIGRATIONS = Path(__file__).parent / "migrations"
METADATA = [KIT_METADATA, Base.metadata]
