"""The tables of every service, for its `tables.py`, Alembic and the tests."""

from sqlalchemy import MetaData

from perisai_kit.db import lease
from perisai_kit.db.columns import KitBase
from perisai_kit.events import cursors, outbox, parking, positions
from perisai_kit.http import transaction
from perisai_kit.privacy import read_audit

MODULES = (cursors, lease, outbox, parking, positions, read_audit, transaction)
"""Imported so that their tables are registered."""

KIT_METADATA: MetaData = KitBase.metadata
