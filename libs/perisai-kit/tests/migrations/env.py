from perisai_kit.db import KitBase
from perisai_kit.migrations import run_migrations

run_migrations([KitBase.metadata], url_variable="PERISAI_KIT_OWNER_DATABASE_URL")
