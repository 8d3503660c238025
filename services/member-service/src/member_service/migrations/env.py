from perisai_kit.db.migrations.run import run_migrations

run_migrations("member_service.tables:METADATA", url_variable="PERISAI_MEMBER_OWNER_DATABASE_URL")
