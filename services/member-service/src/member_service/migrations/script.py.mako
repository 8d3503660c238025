"""${message}"""

from alembic import op
import sqlalchemy as sa

from perisai_kit.db.migrations.steps import grant

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
