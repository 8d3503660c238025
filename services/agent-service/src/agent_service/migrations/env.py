from agent_service.tables import METADATA
from perisai_kit.db.migrations import run_migrations

run_migrations(METADATA, url_variable="PERISAI_AGENT_OWNER_DATABASE_URL")
