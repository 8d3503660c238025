from perisai_kit.db.columns import KitBase
from perisai_kit.db.migrations import run_migrations

run_migrations([KitBase.metadata], url_variable="PERISAI_KIT_OWNER_DATABASE_URL")
