from perisai_kit.db.migrations.run import run_migrations

run_migrations(
    "perisai_kit.services.tables:KIT_METADATA", url_variable="PERISAI_KIT_OWNER_DATABASE_URL"
)
