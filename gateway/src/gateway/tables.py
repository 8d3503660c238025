"""Every table of the gateway, for Alembic."""

from gateway.accounts import models as accounts
from gateway.base import Base
from gateway.codes import models as codes
from gateway.keys import models as keys
from gateway.sessions import models as sessions
from perisai_kit.db import KitBase

FEATURES = (accounts, codes, keys, sessions)
METADATA = [KitBase.metadata, Base.metadata]
